from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from polymodal_datasets.rooms.classes import CLASSES, HELD_OUT
from polymodal_datasets.rooms.scene import class_of
from polymodal_datasets.rooms.splits import SPLITS, split_indices

COUNTS = {"train": 4000, "validation": 400, "test": 500, "heldout": 400}


def test_sizes_are_as_asked_for_and_nothing_is_in_two_splits() -> None:
    splits = split_indices(COUNTS)
    assert tuple(splits) == SPLITS
    assert {name: len(indices) for name, indices in splits.items()} == COUNTS
    for a, b in combinations(splits.values(), 2):
        assert not set(a.tolist()) & set(b.tolist())


def test_held_out_classes_occur_in_their_split_alone() -> None:
    splits = split_indices(COUNTS)
    for name, indices in splits.items():
        held_out = np.isin(class_of(indices), HELD_OUT)
        assert held_out.all() if name == "heldout" else not held_out.any()


def test_classes_are_balanced() -> None:
    splits = split_indices(COUNTS)
    per_class = {n: np.bincount(class_of(i), minlength=80) for n, i in splits.items()}
    assert (per_class["heldout"][list(HELD_OUT)] == 20).all()
    seen = [index for index, room_class in enumerate(CLASSES) if not room_class.held_out]
    for name in ("train", "validation", "test"):
        assert np.ptp(per_class[name][seen]) <= 2
        assert per_class[name][seen].min() > 0


def test_more_training_rooms_change_no_other_split() -> None:
    small, large = (split_indices(COUNTS | {"train": count}) for count in (10, 20_000))
    for name in ("validation", "test", "heldout"):
        assert small[name].tolist() == large[name].tolist()
    assert large["train"][:10].tolist() == small["train"].tolist()


@pytest.mark.parametrize("counts", [COUNTS, {"train": 7, "validation": 3, "test": 5}])
def test_twins_lie_in_one_split(counts: dict[str, int]) -> None:
    pairs = [set((indices // 2).tolist()) for indices in split_indices(counts).values()]
    for a, b in combinations(pairs, 2):
        assert not a & b


def test_a_split_may_be_empty() -> None:
    splits = split_indices({"train": 3})
    assert [len(indices) for indices in splits.values()] == [3, 0, 0, 0]
