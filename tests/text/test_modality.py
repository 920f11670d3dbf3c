"""Text as values: packing, ids, padding, word dropout, processes."""

from __future__ import annotations

import pickle
import unicodedata
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.errors import PolymodalError, ValueRejectedError
from polymodal_core.testing import check_encoder, check_modality
from polymodal_text.config import TextConfig, TransformerConfig
from polymodal_text.modality import TextModality

from tests.text.captions import CAPTIONS


def fitted(**options: Any) -> TextModality:
    config = TextConfig(vocabulary=400, **options)
    return config.build(config.build().fit(iter(CAPTIONS)))


def ids(modality: TextModality, text: str, *, training: bool = False, seed: int = 0) -> list[int]:
    rng = np.random.default_rng(seed)
    return modality.transform(text, training=training, shared=rng, own=rng)


@pytest.mark.parametrize(
    "options", [{}, {"lowercase": False}, {"word_dropout": 0.4}, {"length": 2}]
)
def test_contract(options: dict[str, Any]) -> None:
    values = [*CAPTIONS[:3], "Ein grüner Stuhl, 椅子, and many words more than the others"]
    modality = check_modality(TextConfig(**options), values, rejects=["", " \t\n", 3, None, b"x"])
    check_encoder(TransformerConfig(width=16), modality, values)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "the text is empty"),
        (" \n\u3000", "the text is empty"),
        (3.5, "3.5 is float; wanted text"),
        (["a"], "is list; wanted text"),
        ("\ud800", "is no valid Unicode"),
    ],
)
def test_what_is_no_text_is_refused_with_words(value: Any, message: str) -> None:
    with pytest.raises(ValueRejectedError, match=message):
        TextConfig().build().pack(value, None)


def test_text_is_stored_composed_and_else_as_it_is() -> None:
    modality = TextConfig().build()
    text = "  Cafe\u0301 No. 7 \n"
    payload = modality.pack(text, None)
    assert payload == unicodedata.normalize("NFC", text).encode("utf-8")
    assert modality.show(modality.decode(payload)) == "  Caf\u00e9 No. 7 \n"


def test_damaged_bytes_are_refused() -> None:
    with pytest.raises(ValueRejectedError, match="is no UTF-8 text"):
        TextConfig().build().decode(b"caf\xe9")


def test_padding_goes_to_the_longest_of_the_batch() -> None:
    modality = fitted()
    examples = [ids(modality, text) for text in ("lamp", CAPTIONS[0])]
    inputs = modality.collate(examples)
    lengths = [len(example) for example in examples]
    assert inputs["ids"].dtype == torch.int64
    assert inputs["mask"].dtype == torch.bool
    assert inputs["ids"].shape == inputs["mask"].shape == (2, max(lengths))
    assert inputs["mask"].sum(dim=1).tolist() == lengths
    assert inputs["ids"][0, lengths[0] :].tolist() == [0] * (max(lengths) - lengths[0])


def test_spec_is_what_an_encoder_needs() -> None:
    spec = fitted(length=7).spec()
    assert spec["length"] == 7
    assert spec["padding"] == 0
    assert 257 <= spec["vocabulary"] <= 400
    with pytest.raises(PolymodalError, match="only after `fit`"):
        TextConfig().build().spec()


def test_spans_are_the_places_of_tokens_in_the_text() -> None:
    modality = fitted()
    text = CAPTIONS[0]
    spans = modality.spans(text)
    assert len(spans) == len(ids(modality, text))
    assert "".join(text[start:end] for start, end in spans) == text
    assert len(fitted(length=3).spans(text)) == 3


def test_words_drop_out_in_training_alone_and_never_all() -> None:
    text = "red green blue yellow chair table lamp box"
    modality = fitted(word_dropout=0.5)
    assert ids(modality, text) == ids(fitted(), text)
    lengths = [len(ids(modality, text, training=True, seed=seed)) for seed in range(300)]
    assert min(lengths) >= 1
    assert np.mean(lengths) / len(ids(modality, text)) == pytest.approx(0.5, abs=0.05)
    nearly_all = fitted(word_dropout=0.99)
    assert all(ids(nearly_all, "chair lamp", training=True, seed=seed) for seed in range(50))


def test_pickles_carry_no_loaded_tokenizer() -> None:
    modality = fitted()
    before = len(pickle.dumps(modality))
    expected = ids(modality, CAPTIONS[0])
    assert len(pickle.dumps(modality)) == before
    assert ids(pickle.loads(pickle.dumps(modality)), CAPTIONS[0]) == expected
