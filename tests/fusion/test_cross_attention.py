"""Cross-modal attention against a loop over heads and tokens, and the fallback to vision alone."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from polymodal_core.batch import Features
from polymodal_core.errors import PolymodalError
from polymodal_core.fusion import Exchange
from polymodal_fusion.config import CrossAttentionConfig
from polymodal_fusion.cross_attention import CrossAttention
from pydantic import ValidationError
from torch import Tensor, nn

DIMS = {"image": 6, "text": 5, "depth": 4}
SIZE, LENGTH = 5, 3


@pytest.fixture
def fusion() -> CrossAttention:
    torch.manual_seed(0)
    built = CrossAttention(DIMS, width=8, heads=2, layers=2).double().eval()
    for item in built.parameters():  # attention starts with an output of 0
        nn.init.normal_(item, std=0.3)
    return built


def given(seed: int = 0) -> tuple[dict[str, Features], dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    rows = {
        "image": torch.tensor([0, 1, 2, 4]),
        "text": torch.tensor([0, 2, 3]),
        "depth": torch.tensor([2, 4]),
    }
    features = {}
    for name, dim in DIMS.items():
        count = len(rows[name])
        pooled = torch.randn(count, dim, generator=generator, dtype=torch.float64)
        tokens = torch.randn(count, LENGTH, dim, generator=generator, dtype=torch.float64)
        mask = torch.rand(count, LENGTH, generator=generator) < 0.7
        features[name] = Features(pooled, tokens, mask) if name != "depth" else Features(pooled)
    return features, rows


def attended(layer: Any, tokens: Tensor, others: list[tuple[Tensor, Tensor]]) -> Tensor:
    """One layer for one row, head by head and token by token: [length, width]."""
    width, heads = tokens.shape[1], layer.attention.heads
    per_head = width // heads
    asking = layer.asking_norm(tokens)
    found = torch.zeros_like(tokens)
    for stream, mask in others:
        asked = layer.asked_norm(stream)
        query = layer.attention.query(asking)
        key, value = layer.attention.key_value(asked).chunk(2, dim=-1)
        read = torch.zeros_like(tokens)
        for head in range(heads):
            part = slice(head * per_head, (head + 1) * per_head)
            for place in range(len(tokens)):
                scores = [
                    float(query[place, part] @ key[other, part]) / math.sqrt(per_head)
                    if mask[other]
                    else -math.inf
                    for other in range(len(stream))
                ]
                weights = torch.tensor(scores, dtype=torch.float64).softmax(dim=0)
                read[place, part] = weights @ value[:, part]
        found += layer.attention.out(read)
    tokens = tokens + (found / len(others) if others else 0)
    done: Tensor = layer.feed_forward(tokens)
    return done


def test_it_is_multi_head_attention_with_residuals(fusion: CrossAttention) -> None:
    features, rows = given()
    with torch.no_grad():
        fused = fusion(features, rows, size=SIZE)
        streams = {name: fusion.inputs[fusion.place[name]](features[name]) for name in DIMS}
        for number, row in enumerate(rows["image"].tolist()):
            tokens = streams["image"][0][number]
            others = []
            for name in ("text", "depth"):
                at = (rows[name] == row).nonzero().flatten().tolist()
                others += [(streams[name][0][k], streams[name][1][k]) for k in at]
            for layer in fusion.layers:
                tokens = attended(layer, tokens, others)
            wanted = fusion.norms[0](tokens[0])
            assert torch.allclose(fused.features["image"][number], wanted, atol=1e-12)
        for name in ("text", "depth"):
            own = fusion.norms[fusion.place[name]](streams[name][0][:, 0])
            assert torch.equal(fused.features[name], own)


def test_without_its_auxiliaries_a_row_is_vision_alone_to_the_last_bit(
    fusion: CrossAttention,
) -> None:
    features, rows = given()
    with torch.no_grad():
        fused = fusion(features, rows, size=SIZE)
        alone = fusion({"image": features["image"]}, {"image": rows["image"]}, size=SIZE)
    assert torch.equal(fused.features["image"][1], alone.features["image"][1])  # row 1 has no more
    assert not torch.allclose(fused.features["image"][0], alone.features["image"][0])


def test_a_row_counts_by_its_picture_where_it_has_one(fusion: CrossAttention) -> None:
    features, rows = given()
    weights = fusion(features, rows, size=SIZE).weights
    assert weights["image"].tolist() == [1, 1, 1, 1]
    assert weights["text"].tolist() == [0, 0, 1]  # row 3 has no picture
    assert weights["depth"].tolist() == [0, 0]


def test_a_fresh_one_changes_nothing_yet() -> None:
    torch.manual_seed(0)
    fresh = CrossAttention(DIMS, width=8, heads=2).double()
    features, rows = given()
    both = fresh(features, rows, size=SIZE).features["image"]
    alone = fresh({"image": features["image"]}, {"image": rows["image"]}, size=SIZE)
    assert torch.equal(both, alone.features["image"])


def test_gradients_reach_every_column(fusion: CrossAttention) -> None:
    features, rows = given()
    inputs = [item.pooled.requires_grad_() for item in features.values()]
    total = fusion(features, rows, size=SIZE).features["image"].square().sum()
    found = torch.autograd.grad(total, inputs)
    assert all(bool(item.any()) for item in found)


def test_columns_that_are_compared_stay_on_different_sides() -> None:
    import numpy as np

    fusion = CrossAttentionConfig(width=8, heads=2).build(feature_dims=DIMS)
    for seed in range(20):
        drawn: Exchange = fusion.draw(list(DIMS), rng=np.random.default_rng(seed))
        side = {name: number for number, part in enumerate(drawn.sides) for name in part}
        assert all(side[a] != side[b] for a, b in drawn.compare or ())


def test_operations_grow_with_what_is_asked() -> None:
    fusion = CrossAttentionConfig(width=8, heads=2).build(feature_dims=DIMS)
    alone = fusion.operations({"image": 4})
    assert fusion.operations({"text": 4}) == 5 * 8 * 5
    assert fusion.operations({"image": 4, "text": 4}) > alone + fusion.operations({"text": 4})


def test_bad_options_are_told() -> None:
    with pytest.raises(PolymodalError, match=r"fusion.visual: there is no column 'img'.*image"):
        CrossAttentionConfig(width=8, heads=2, visual="img").build(feature_dims=DIMS)
    with pytest.raises(ValidationError, match="heads = 3 does not divide width = 8"):
        CrossAttentionConfig(width=8, heads=3)
    with pytest.raises(PolymodalError, match=r"fusion.heads = 3"):
        CrossAttention(DIMS, width=8, heads=3)


def test_tokens_come_back_in_the_order_of_the_encoder() -> None:
    torch.manual_seed(0)
    fusion = CrossAttention({"image": 6, "depth": 5}, width=8, heads=2).eval()
    for item in fusion.parameters():
        nn.init.normal_(item, std=0.3)
    image = Features(torch.randn(3, 6), torch.randn(3, 4, 6), torch.ones(3, 4, dtype=torch.bool))
    depth = Features(torch.randn(1, 5), torch.randn(1, 9, 5), torch.ones(1, 9, dtype=torch.bool))
    rows = {"image": torch.arange(3), "depth": torch.tensor([1])}
    found = fusion({"image": image, "depth": depth}, rows, size=3).tokens
    assert found is not None
    assert found["image"].shape == (3, 4, 8)
    assert found["depth"].shape == (1, 9, 8)
    alone = fusion({"image": image}, {"image": torch.arange(3)}, size=3).tokens
    assert alone is not None
    same = [bool(torch.equal(alone["image"][row], found["image"][row])) for row in range(3)]
    assert same == [True, False, True]  # without depth, to the last bit what the image gives alone
