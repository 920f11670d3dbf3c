"""Splits dealt out of one: every label in each, neighbours together, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from polymodal_datasets.importers.dealt_splits import Deal, deal
from pydantic import ValidationError

from .reading import manifest, rows_of, write


def table(runs: list[tuple[str, int]]) -> list[tuple[int, str | None]]:
    """Records in runs of a label; a gap between runs is a record of another split."""
    found: list[tuple[int, str | None]] = []
    place = 0
    for label, size in runs:
        found += [(place + number, label or None) for number in range(size)]
        place += size + 1
    return found


def test_runs_stay_whole_and_every_label_is_in_every_split() -> None:
    runs = [("kitchen", 3), ("kitchen", 2), ("bed", 4), ("kitchen", 4), ("bed", 1), ("bed", 2)] * 4
    records = table(runs)
    found = deal(records, Deal(split="x", test=0.3, validation=0.2, seed=1))
    at = 0
    for _, size in runs:
        assert len(set(found[at : at + size])) == 1
        at += size
    for label in ("kitchen", "bed"):
        counts = Counter(s for s, (_, name) in zip(found, records, strict=True) if name == label)
        total = sum(counts.values())
        assert set(counts) == {"train", "validation", "test"}
        assert abs(counts["test"] / total - 0.3) < 0.1
        assert abs(counts["validation"] / total - 0.2) < 0.1
    assert found == deal(records, Deal(split="x", test=0.3, validation=0.2, seed=1))
    assert found != deal(records, Deal(split="x", test=0.3, validation=0.2, seed=2))


def test_neighbours_of_one_label_without_a_gap_are_one_run() -> None:
    records = [(number, "a") for number in range(30)]
    assert set(deal(records, Deal(split="x"))) == {"train"}
    records = [(2 * number, "a") for number in range(30)]
    assert Counter(deal(records, Deal(split="x", test=0.2, validation=0.1))) == {
        "train": 21, "test": 6, "validation": 3,
    }  # fmt: skip


def test_few_or_large_runs() -> None:
    rare = deal(table([("a", 2), ("a", 3)]), Deal(split="x"))
    assert set(rare) == {"train"}
    large = deal(table([("a", 40), ("a", 2), ("a", 30)]), Deal(split="x"))
    assert Counter(large).keys() == {"train", "validation", "test"}
    assert deal([], Deal(split="x")) == []
    unknown = deal(table([("", 1), ("", 1), ("", 1)]), Deal(split="x"))
    assert sorted(unknown) == ["test", "train", "validation"]


def test_a_manifest_deals_one_of_its_splits(tmp_path: Path) -> None:
    lines = [f"{n},{'b' if n // 3 % 4 == 3 else 'a'},t{n},{n // 2 % 2}" for n in range(60)]
    write(tmp_path / "t.csv", "id,kind,text,known\n" + "\n".join(lines) + "\n")
    importer = manifest(
        tmp_path,
        table="t.csv",
        split="{known}",
        splits={"labelled": ["1"], "unlabelled": ["0"]},
        label="{kind}",
        deal={"split": "labelled", "test": 0.3, "validation": 0.2},
        columns={"text": {"value": "{text}"}},
    )
    rows = rows_of(importer)
    found = Counter(row.split for row in rows)
    assert found["unlabelled"] == 30
    assert "labelled" not in found
    assert set(found) == {"unlabelled", "train", "validation", "test"}
    for first, second in pairwise(rows):
        if "unlabelled" not in (first.split, second.split) and first.label == second.label:
            assert first.split == second.split


def test_shares_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ValidationError, match="leave nothing to train on"):
        Deal(split="x", test=0.7, validation=0.3)
