"""The four operations of EDA, and how often each is drawn."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_core.testing import check_modality
from polymodal_text.config import TextConfig
from polymodal_text.eda import EDA, insert, replace, swap
from polymodal_text.modality import TextModality
from pydantic import ValidationError

from tests.text.captions import CAPTIONS

SYNONYMS = {"man": ["guy", "fellow"], "small": ["little"], "dog": ["hound"]}
WORDS = ["A", "man,", "and", "a", "small", "dog", "run", "away"]
ALL = ("replace", "insert", "swap", "delete")


def eda(*operations: str, alpha: float = 0.1, probability: float = 1.0) -> EDA:
    return EDA(alpha, probability, operations or ALL, SYNONYMS)


def draws(count: int = 300) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(count)]


def test_replacement_changes_so_many_words_and_keeps_commas_and_capitals() -> None:
    seen = {" ".join(replace(WORDS, 1, SYNONYMS, rng)) for rng in draws()}
    assert seen == {
        "A guy, and a small dog run away",
        "A fellow, and a small dog run away",
        "A man, and a little dog run away",
        "A man, and a small hound run away",
    }
    all_three = {" ".join(replace(WORDS, 9, SYNONYMS, rng)) for rng in draws()}
    assert all_three == {f"A {man}, and a little hound run away" for man in ("guy", "fellow")}
    assert replace(["(Man)"], 1, {"man": ["guy"]}, np.random.default_rng(0)) == ["(Guy)"]


def test_insertion_adds_synonyms_of_words_that_are_there() -> None:
    places = set()
    for rng in draws():
        found = insert(WORDS, 2, SYNONYMS, rng)
        assert len(found) == len(WORDS) + 2
        added = Counter(found) - Counter(WORDS)
        assert set(added) <= {"guy", "fellow", "little", "hound"}
        kept = iter(found)
        assert all(word in kept for word in WORDS)  # in their order
        places.add(found.index(next(iter(added))))
    assert places >= {0, len(WORDS)}


def test_swapping_keeps_the_words() -> None:
    for rng in draws():
        found = swap(WORDS, 1, SYNONYMS, rng)
        assert sorted(found) == sorted(WORDS)
        assert sum(one != other for one, other in zip(found, WORDS, strict=True)) in (0, 2)
    assert swap(["alone"], 3, SYNONYMS, np.random.default_rng(0)) == ["alone"]


def test_texts_without_a_known_word_are_left_by_replacement_and_insertion() -> None:
    text = "Zwei Hunde , drei Katzen"
    for rng in draws(20):
        assert eda("replace", "insert")(text, rng) == text


@pytest.mark.parametrize("text", ["", "dog", "...", "a dog", " man\n", "left right"])
@pytest.mark.parametrize("alpha", [0.1, 0.99])
def test_no_text_is_ever_emptied(text: str, alpha: float) -> None:
    for rng in draws():
        assert bool(eda(alpha=alpha)(text, rng).strip()) == bool(text.strip())


def test_so_many_texts_are_changed_each_operation_equally_often() -> None:
    text = " ".join(WORDS * 5)
    found = Counter[str]()
    for rng in draws(4000):
        changed = eda(probability=0.6)(text, rng).split()
        lengths = len(changed) - len(WORDS * 5)
        same = sorted(changed) == sorted(WORDS * 5)
        if changed == WORDS * 5:
            found["none"] += 1
        elif same:
            found["swap"] += 1
        else:
            found[{0: "replace", 4: "insert"}.get(lengths, "delete")] += 1
    assert found["none"] / 4000 == pytest.approx(0.4, abs=0.03)  # and what deletion left whole
    for operation in ALL:
        assert found[operation] / 4000 == pytest.approx(0.15, abs=0.03), operation


def test_alpha_is_the_share_of_words() -> None:
    words = " ".join(f"dog{'!' * (number % 2)}" for number in range(40))
    for rng in draws(30):
        assert eda("replace", alpha=0.2)(words, rng).count("hound") == 8
    lengths = [len(eda("delete", alpha=0.2)(words, rng).split()) for rng in draws()]
    assert np.mean(lengths) == pytest.approx(32, abs=0.5)


def fitted(**options: Any) -> TextModality:
    config = TextConfig(vocabulary=400, augment={"probability": 1.0, **options})
    return config.build(json.loads(json.dumps(config.build().fit(iter(CAPTIONS)))))


def ids(modality: TextModality, *, seed: int, training: bool = True) -> list[int]:
    return modality.transform(
        "A small man holds a red chair and looks at the lamp.",
        training=training,
        shared=np.random.default_rng(9),
        own=np.random.default_rng(seed),
    )


def test_contract() -> None:
    check_modality(TextConfig.model_validate({"augment": {}}), CAPTIONS[:4])


def test_training_alone_is_augmented_by_the_own_generator_alone() -> None:
    modality = fitted()
    plain = ids(modality, seed=0, training=False)
    found = [ids(modality, seed=seed) for seed in range(40)]
    assert [ids(pickle.loads(pickle.dumps(modality)), seed=seed) for seed in range(40)] == found
    assert len({tuple(item) for item in found}) > 10
    assert all(ids(modality, seed=seed, training=False) == plain for seed in range(3))


def test_a_fitted_modality_needs_its_file_no_more(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("chair, seat\n")
    modality = fitted(operations=["replace"], synonyms=str(file))
    file.unlink()
    assert ids(modality, seed=0) != ids(modality, seed=0, training=False)
    with pytest.raises(PolymodalError, match=r"augment\.synonyms '.*' cannot be read"):
        TextConfig.model_validate({"augment": {"synonyms": str(file)}}).build().fit(iter(CAPTIONS))
    TextConfig.model_validate(
        {"augment": {"synonyms": str(file), "operations": ["swap"]}}
    ).build().fit(iter(CAPTIONS))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"augment": {"kind": "aeda"}}, "Input should be 'eda'"),
        ({"augment": {"alpha": 1.0}}, "less than 1"),
        ({"augment": {"probability": 0}}, "greater than 0"),
        ({"augment": {"operations": []}}, "at least 1 item"),
        ({"augment": {"operations": ["swap", "swap"]}}, "names an operation twice"),
        ({"augment": {"operations": ["shuffle"]}}, "'replace', 'insert', 'swap' or 'delete'"),
        ({"augment": {}, "word_dropout": 0.1}, 'augment has "delete" among its operations'),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TextConfig.model_validate(options)
    assert message in str(caught.value)


def test_a_resolved_config_is_accepted_again() -> None:
    config = TextConfig.model_validate({"augment": {"alpha": 0.2}})
    assert TextConfig.model_validate(config.model_dump(mode="json")) == config
