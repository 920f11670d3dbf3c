from __future__ import annotations

import re

import numpy as np
import pytest
from polymodal_datasets.rooms.captions import captions
from polymodal_datasets.rooms.scene import CAPTIONS, Scenes, sample_scenes

from .reading import falsehoods


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return sample_scenes(0, np.arange(1000))


@pytest.fixture(scope="module")
def described(scenes: Scenes) -> list[list[str]]:
    return captions(scenes, count=6)


def words(caption: str) -> list[str]:
    return re.findall(r"[a-z\-]+", caption.lower())


def differing(a: str, b: str) -> int:
    a_words, b_words = words(a), words(b)
    if len(a_words) != len(b_words):
        return max(len(a_words), len(b_words))
    return sum(x != y for x, y in zip(a_words, b_words, strict=True))


def test_every_caption_is_true_and_grammatical(scenes: Scenes, described: list[list[str]]) -> None:
    wrong = [
        (room, caption, problems)
        for room, sentences in enumerate(described)
        for caption in sentences
        if (problems := falsehoods(caption, scenes, room))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("left of", "right of"),
        ("behind", "in front of"),
        ("small", "medium"),
        ("blue", "red"),
        ("wooden", "tiled"),
        ("sphere", "cube"),
        ("two", "three"),
        ("metal", "striped"),
        ("bigger", "smaller"),
        ("back wall", "left wall"),
        ("from above", "from the left"),
        ("window", "painting"),
        ("a large", "an large"),
    ],
)
def test_a_caption_with_one_thing_changed_is_found_out(
    scenes: Scenes, described: list[list[str]], word: str, other: str
) -> None:
    tried = [
        bool(falsehoods(caption.replace(word, other, 1), scenes, room))
        for room, sentences in enumerate(described[:300])
        for caption in sentences
        if word in caption
    ]
    assert len(tried) > 10
    # Not all: what is left of something can be in front of it as well, say.
    assert np.mean(tried) > 0.5


def test_the_captions_of_a_room_differ_in_build(described: list[list[str]]) -> None:
    starts = [{caption.split()[0] for caption in sentences} for sentences in described]
    assert np.mean([len(start) for start in starts]) > 3
    assert all(len(set(sentences)) == 6 for sentences in described)


def test_vocabulary_is_small(described: list[list[str]]) -> None:
    used = {word for sentences in described for caption in sentences for word in words(caption)}
    assert 80 < len(used) < 300


def test_nearly_all_captions_are_unique(described: list[list[str]]) -> None:
    flat = [caption for sentences in described for caption in sentences]
    assert len(set(flat)) > 0.9 * len(flat)


def test_captions_of_twins_differ_in_one_word(scenes: Scenes, described: list[list[str]]) -> None:
    twins = np.flatnonzero(scenes.twin)
    one = [
        any(differing(a, b) == 1 for a, b in zip(described[i], described[i - 1], strict=True))
        for i in twins
    ]
    assert np.mean(one) > 0.9
    strangers = [differing(described[i][0], described[i - 2][0]) for i in range(2, 200, 2)]
    assert min(strangers) > 1


def test_a_caption_depends_on_its_room_alone(scenes: Scenes, described: list[list[str]]) -> None:
    assert captions(sample_scenes(0, np.array([17])), count=6)[0] == described[17]
    assert captions(sample_scenes(0, np.array([17])), count=2)[0] == described[17][:2]


def test_too_many_captions_are_refused(scenes: Scenes) -> None:
    with pytest.raises(ValueError, match=f"11 captions per room asked for; 0 to {CAPTIONS}"):
        captions(scenes, count=CAPTIONS + 1)
