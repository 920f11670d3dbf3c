"""Masked-token modelling: what is hidden, what the loss is of, and that it teaches the encoder."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.testing import check_encoder, check_modality
from polymodal_text.config import HuggingFaceConfig, TextConfig, TransformerConfig
from polymodal_text.masked_modelling import MaskedModelling
from polymodal_text.modality import TextModality
from pydantic import ValidationError
from torch import Tensor

from tests.text.captions import CAPTIONS, save_bert

Kinds = dict[str, tuple[Any, TextModality]]


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Kinds:
    """Options of either kind of encoder, with a modality that suits it."""
    bert = str(save_bert(tmp_path_factory.mktemp("bert")))
    config = TextConfig(length=12, vocabulary=300)
    learned = config.build(config.build().fit(CAPTIONS))
    pretrained = TextConfig(length=12, tokenizer=bert).build({})
    return {
        "transformer": ({"kind": "transformer", "width": 16, "layers": 1}, learned),
        "huggingface": ({"kind": "huggingface", "model": bert, "pooling": "cls"}, pretrained),
    }


def config_of(options: dict[str, Any], **others: Any) -> Any:
    kinds: dict[str, Any] = {"transformer": TransformerConfig, "huggingface": HuggingFaceConfig}
    return kinds[options["kind"]].model_validate({**options, "masked_modelling": 1.0, **others})


def build(kinds: Kinds, kind: str, **others: Any) -> tuple[MaskedModelling, TextModality]:
    options, modality = kinds[kind]
    torch.manual_seed(0)
    built = config_of(options, **others).build(**modality.spec())
    assert isinstance(built, MaskedModelling)
    return built, modality


def inputs_of(modality: TextModality, texts: list[str]) -> dict[str, Tensor]:
    rng = np.random.default_rng(0)
    return modality.collate(
        [modality.transform(text, training=False, shared=rng, own=rng) for text in texts]
    )


@pytest.mark.parametrize("kind", ["transformer", "huggingface"])
def test_the_loss_is_the_mean_cross_entropy_over_hidden_tokens(kinds: Kinds, kind: str) -> None:
    encoder, modality = build(kinds, kind, masked_modelling=0.5, masked=0.4)
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    encoder = encoder.train()
    inputs = inputs_of(modality, CAPTIONS[:6])
    torch.manual_seed(4)
    found = encoder(inputs)
    torch.manual_seed(4)
    chosen, seen = encoder.draw(inputs["ids"], inputs["mask"])
    shown = encoder.backbone({**inputs, "ids": seen})
    backbone: Any = encoder.backbone
    table, biases = backbone.token_embeddings.detach(), encoder.bias.detach()
    losses = []
    for n, place in chosen.nonzero().tolist():
        hidden = encoder.transform(shown.tokens[n, place]).detach()
        logits = [float(hidden @ row + shift) for row, shift in zip(table, biases, strict=True)]
        top = max(logits)
        log_sum = top + math.log(math.fsum(math.exp(value - top) for value in logits))
        losses.append(log_sum - logits[int(inputs["ids"][n, place])])
    assert len(losses) > 3
    assert found.auxiliary.item() == pytest.approx(0.5 * sum(losses) / len(losses), rel=1e-4)
    assert int(found.auxiliary_count) == len(losses)
    torch.testing.assert_close(found.pooled, shown.pooled)


@pytest.mark.parametrize("kind", ["transformer", "huggingface"])
def test_the_shares_are_berts_and_special_tokens_are_let_be(kinds: Kinds, kind: str) -> None:
    encoder, modality = build(kinds, kind)
    one = inputs_of(modality, CAPTIONS)
    ids, mask = one["ids"].repeat(300, 1), one["mask"].repeat(300, 1)
    torch.manual_seed(1)
    chosen, seen = encoder.draw(ids, mask)
    special = torch.tensor([*modality.spec()["special_tokens"], modality.spec()["padding"]])
    real = mask & ~torch.isin(ids, special)
    assert not (chosen & ~real).any()
    assert (chosen.sum() / real.sum()).item() == pytest.approx(0.15, abs=0.01)
    assert torch.equal(seen[~chosen], ids[~chosen])
    count, masked = chosen.sum(), seen[chosen] == modality.spec()["mask_token"]
    same = seen[chosen] == ids[chosen]
    assert (masked.sum() / count).item() == pytest.approx(0.8, abs=0.02)
    # A token drawn at random may be the one that it takes the place of.
    assert (same.sum() / count).item() == pytest.approx(0.1, abs=0.02)
    others = seen[chosen][~masked & ~same]
    assert not torch.isin(others, special).any()
    assert int(others.max()) < modality.spec()["vocabulary"]
    assert len(others.unique()) > 5


def test_the_mask_is_the_tokenizers_own_or_what_no_token_has(kinds: Kinds, tmp_path: Path) -> None:
    assert kinds["huggingface"][1].spec()["mask_token"] == 4
    assert kinds["huggingface"][1].spec()["special_tokens"] == (0, 1, 2, 3, 4)
    learned = kinds["transformer"][1].spec()
    assert learned["mask_token"] == learned["padding"] == 0
    model = kinds["huggingface"][0]["model"]
    config = TextConfig(length=12, tokenizer=model)
    state = config.build().fit(CAPTIONS)
    assert config.build(state).spec() == kinds["huggingface"][1].spec()
    older = {"tokenizer": state["tokenizer"], "padding": 0}  # of a run before there was a mask
    assert config.build(older).spec()["mask_token"] == 0


def test_an_evaluation_hides_nothing_and_has_no_loss(kinds: Kinds) -> None:
    encoder, modality = build(kinds, "transformer")
    inputs = inputs_of(modality, CAPTIONS[:4])
    found = encoder.eval()(inputs)
    assert found.auxiliary is None
    assert torch.equal(found.pooled, encoder.backbone(inputs).pooled)


@pytest.mark.parametrize("kind", ["transformer", "huggingface"])
def test_training_with_it_tells_hidden_words(kinds: Kinds, kind: str) -> None:
    encoder, modality = build(kinds, kind)
    inputs = inputs_of(modality, CAPTIONS)
    optimiser = torch.optim.Adam(encoder.parameters(), lr=0.01)
    losses = []
    for _ in range(60):
        loss = encoder.train()(inputs).auxiliary
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    # Of a word that only its colour or thing can tell, one of four or five is a guess.
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:5])


@pytest.mark.parametrize("kind", ["transformer", "huggingface"])
def test_contract(kinds: Kinds, kind: str) -> None:
    options, _ = kinds[kind]
    given = TextConfig(length=12, **config_of(options).requires())
    modality = check_modality(given, [*CAPTIONS[:3], "a red box stands here on a blue table"])
    check_encoder(config_of(options), modality, CAPTIONS[:4])


def test_a_frozen_encoder_is_refused_and_no_weight_is_no_head(kinds: Kinds) -> None:
    options, modality = kinds["transformer"]
    with pytest.raises(ValidationError, match="masked_modelling trains the encoder"):
        config_of(options, tuning="frozen")
    plain = config_of(options, masked_modelling=0.0).build(**modality.spec())
    assert not isinstance(plain, MaskedModelling)
