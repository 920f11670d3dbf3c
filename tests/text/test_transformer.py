"""The small transformer against the library's own layers, and its treatment of padding."""

from __future__ import annotations

import pytest
import torch
from polymodal_text.config import TransformerConfig
from polymodal_text.transformer import TextTransformer, unpack
from pydantic import ValidationError
from torch import nn


def batch() -> dict[str, torch.Tensor]:
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]], dtype=torch.bool)
    ids = torch.tensor([[5, 3, 9, 1, 2], [7, 7, 0, 0, 0], [4, 0, 0, 0, 0]])
    return {"ids": ids, "mask": mask}


def build() -> TextTransformer:
    torch.manual_seed(0)
    encoder = TransformerConfig(width=8, heads=2, layers=2, expansion=3, dropout=0.5).build(
        vocabulary=12, length=6, padding=0
    )
    assert isinstance(encoder, TextTransformer)
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.3)
    return encoder.double()


def library(encoder: TextTransformer) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(
        8, 2, dim_feedforward=24, activation="gelu", batch_first=True, norm_first=True, dropout=0.0
    )
    stack = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(8), enable_nested_tensor=False)
    names = {
        "self_attn.in_proj_": "project_in.",
        "self_attn.out_proj.": "project_out.",
        "norm1.": "attention_norm.",
        "norm2.": "feed_forward.0.",
        "linear1.": "feed_forward.1.",
        "linear2.": "feed_forward.4.",
    }
    own = encoder.state_dict()
    weights = {}
    for key in stack.state_dict():
        source = key
        for theirs, ours in names.items():
            source = source.replace(theirs, ours)
        weights[key] = own[source]
    stack.double().load_state_dict(weights)
    return stack


def test_it_computes_what_the_library_does_with_padding() -> None:
    encoder, inputs = build().eval(), batch()
    reference = library(encoder).train()  # in eval mode another kernel would run
    embedded = encoder.tokens(inputs["ids"]) + encoder.positions.weight[:5]
    expected = reference(embedded, src_key_padding_mask=~inputs["mask"])
    features = encoder(inputs)
    assert features.tokens is not None
    assert features.mask is inputs["mask"]
    real = inputs["mask"]
    torch.testing.assert_close(features.tokens[real], expected[real])
    assert (features.tokens[~real] == 0).all()
    torch.testing.assert_close(features.pooled[2], expected[2, 0])
    torch.testing.assert_close(features.pooled[1], expected[1, :2].mean(dim=0))


def test_what_stands_under_the_padding_changes_nothing() -> None:
    encoder, inputs = build().eval(), batch()
    other = {**inputs, "ids": torch.where(inputs["mask"], inputs["ids"], 11)}
    assert torch.equal(encoder(inputs).pooled, encoder(other).pooled)


def test_the_order_of_words_matters() -> None:
    encoder = build().eval()
    mask = torch.ones(2, 3, dtype=torch.bool)
    pooled = encoder({"ids": torch.tensor([[5, 3, 9], [9, 3, 5]]), "mask": mask}).pooled
    assert not torch.allclose(pooled[0], pooled[1])


def test_dropout_acts_in_training() -> None:
    encoder, inputs = build(), batch()
    assert not torch.equal(encoder.train()(inputs).pooled, encoder(inputs).pooled)
    assert torch.equal(encoder.eval()(inputs).pooled, encoder(inputs).pooled)


@pytest.mark.parametrize("dtype", [torch.bfloat16])
def test_it_runs_under_autocast_and_learns(dtype: torch.dtype) -> None:
    encoder = build().float().train()
    with torch.autocast("cpu", dtype=dtype):
        pooled = encoder(batch()).pooled
    pooled.float().sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())
    assert pooled.isfinite().all()


def test_unpack_puts_tokens_back_into_place() -> None:
    mask = torch.tensor([[True, False], [True, True]])
    places = mask.flatten().nonzero().squeeze(1)
    found = unpack(torch.tensor([[1.0], [2.0], [3.0]]), mask, places)
    assert found.squeeze(-1).tolist() == [[1, 0], [2, 3]]


def test_a_width_that_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(ValidationError, match="width 130 is no multiple of heads 4"):
        TransformerConfig(width=130)
