"""Splits that are dealt out of one, class by class, neighbouring records kept together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from polymodal_core.config import Configuration
from pydantic import Field, model_validator

FEWEST = 3
"""Groups that a label needs to be in every split."""


class Deal(Configuration):
    """Deal the records of the split `split` out to `train`, `validation` and `test`.

    Records of one label that follow each other in the table stay together, since neighbouring
    frames or clips show one place. Of every label, the shares `test` and `validation` of its
    records are dealt by `seed`, in whole groups, one at least; a label of fewer than three groups
    goes to `train`. Records without a label are dealt as one more label.
    """

    split: str
    validation: float = Field(default=0.15, gt=0, lt=1)
    test: float = Field(default=0.3, gt=0, lt=1)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _check_shares(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError(
                f"validation {self.validation} and test {self.test} leave nothing to train on"
            )
        return self


def deal(records: Sequence[tuple[int, str | None]], options: Deal) -> list[str]:
    """Give the split of every record: its place in the table, ascending, and its label."""
    import numpy as np

    groups: dict[str, list[list[int]]] = {}
    before: tuple[int, str] | None = None
    for number, (place, label) in enumerate(records):
        name = "" if label is None else label
        if before != (place - 1, name):
            groups.setdefault(name, []).append([])
        groups[name][-1].append(number)
        before = (place, name)
    found = ["train"] * len(records)
    rng = np.random.default_rng(options.seed)
    for name in sorted(groups):
        left = [groups[name][place] for place in rng.permutation(len(groups[name]))]
        if len(left) < FEWEST:
            continue
        count = sum(map(len, left))
        for split, share in (("test", options.test), ("validation", options.validation)):
            waiting = 1 if split == "validation" else 2  # splits that need a group after this one
            for group in _taken(left, share * count, len(left) - waiting):
                left.remove(group)
                for number in group:
                    found[number] = split
    return found


def _taken(groups: Sequence[list[int]], size: float, most: int) -> list[list[int]]:
    # Whole groups, up to about so many records; the smallest where every one is too large.
    chosen: list[list[int]] = []
    total = 0.0
    for group in groups:
        if len(chosen) < most and total + len(group) / 2 <= size:
            chosen.append(group)
            total += len(group)
    return chosen or [min(groups, key=len)]
