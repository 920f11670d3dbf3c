"""Masked words: which tokens are hidden, at what rate, and what stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_text.config import TextConfig
from polymodal_text.modality import TextModality

from tests.text.captions import CAPTIONS
from tests.text.test_modality import fitted, ids

TEXT = "A green chair, beside a well-worn table."


def words_of(modality: TextModality, text: str) -> list[str]:
    """Give the text of each token, by its place."""
    return [text[start:end].strip() for start, end in modality.spans(text)]


def test_tokens_of_a_word_are_hidden_together_and_punctuation_never() -> None:
    plain, masking = fitted(), fitted(word_masking=0.4)
    whole, tokens = ids(plain, TEXT), words_of(plain, TEXT)
    mask = plain.spec()["mask_token"]
    spans = plain.spans(TEXT)
    words = ["A", "green", "chair", "beside", "a", "well-worn", "table"]
    starts = [TEXT.index(word) for word in words[:4]] + [
        TEXT.index("a well"),
        TEXT.index("well-worn"),
        TEXT.index("table"),
    ]
    hidden: set[str] = set()
    for seed in range(60):
        found = ids(masking, TEXT, training=True, seed=seed)
        assert len(found) == len(whole)
        for at, (token, before) in enumerate(zip(found, whole, strict=True)):
            assert token in (before, mask)
            assert token != mask or tokens[at] not in (",", ".")
        for word, start in zip(words, starts, strict=True):
            inside = [
                token == mask
                for token, (left, right) in zip(found, spans, strict=True)
                if max(left, start) < min(right, start + len(word))
            ]
            assert inside
            assert all(inside) or not any(inside), word
            hidden |= {word} if all(inside) else set()
        assert any(token != mask for token, text in zip(found, tokens, strict=True) if text > "A")
    assert hidden == set(words)


def test_the_rate_is_the_one_asked_for_and_never_all_are_hidden() -> None:
    modality = fitted(word_masking=0.15)
    text = "red green blue yellow chair table lamp box wall floor"
    mask = modality.spec()["mask_token"]
    words = fitted().spans(text)
    shares = []
    for seed in range(400):
        found = ids(modality, text, training=True, seed=seed)
        hit = {text[left:right].strip() for (left, right) in words}
        shares.append(np.mean([token == mask for token in found]))
        assert hit
    assert np.mean(shares) == pytest.approx(0.15, abs=0.02)
    nearly_all = fitted(word_masking=0.99)
    for seed in range(30):
        assert set(ids(nearly_all, "chair lamp", training=True, seed=seed)) != {mask}
        assert ids(nearly_all, "chair", training=True, seed=seed) == ids(modality, "chair")


def test_an_evaluation_sees_every_word_and_off_draws_nothing() -> None:
    both = fitted(word_masking=0.9, phrase_shuffling=1.0)
    assert ids(both, CAPTIONS[0]) == ids(fitted(), CAPTIONS[0])
    rng = np.random.default_rng(0)
    fitted().transform(CAPTIONS[0], training=True, shared=rng, own=rng)
    assert rng.random() == np.random.default_rng(0).random()


def test_masking_draws_after_eda_and_leaves_its_draws_alone() -> None:
    eda: dict[str, Any] = {"augment": {"alpha": 0.3, "probability": 1.0, "operations": ["swap"]}}
    plain, masking = fitted(**eda), fitted(**eda, word_masking=0.3)
    mask = plain.spec()["mask_token"]
    for seed in range(20):
        first = ids(plain, CAPTIONS[0], training=True, seed=seed)
        second = ids(masking, CAPTIONS[0], training=True, seed=seed)
        assert all(b in (a, mask) for a, b in zip(first, second, strict=True))


def test_phrases_are_shuffled_before_words_are_masked() -> None:
    modality = fitted(phrase_shuffling=1.0)
    found = ids(modality, "a red ball near a blue cube", training=True)
    assert found == ids(fitted(), "a blue cube near a red ball")


def test_a_pretrained_tokenizer_has_its_own_mask_token(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = ["chair", "green", "##ish", "lamp", "a", "."]
    (tmp_path / "vocab.txt").write_text("\n".join([*special, *words]))
    tokenizer = transformers.BertTokenizer(vocab=str(tmp_path / "vocab.txt"))
    tokenizer.save_pretrained(str(tmp_path))
    modality = TextConfig(tokenizer=str(tmp_path), word_masking=0.5).build()
    whole = ids(modality, "a greenish chair.")
    assert len(whole) == 7  # [CLS] a green ##ish chair . [SEP]
    seen = set()
    for seed in range(40):
        found = ids(modality, "a greenish chair.", training=True, seed=seed)
        assert found[0] == whole[0]
        assert found[-2:] == whole[-2:]
        assert (found[2] == 4) == (found[3] == 4)
        seen.add(tuple(token == 4 for token in found))
    assert len(seen) == 7  # of three words, any but all
