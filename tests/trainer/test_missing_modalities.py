"""Rows that lack columns, batches that lack pairs or a whole column: what ends other trainers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from polymodal_core.checkpoint import load_checkpoint
from polymodal_core.errors import RunError
from polymodal_core.rows import BadRow, Row
from polymodal_core.run import RunFolder
from polymodal_trainer.run import run

from tests.trainer.conftest import Vectors, lines, make_store, write_recipe

OUT = Path("out")


@dataclass
class Sparse(Vectors):
    """Every `complete`-th training row has all columns; of the others, row i has one alone."""

    complete: int = 25
    alone: tuple[str, ...] = ("left", "middle")

    def rows(self) -> Iterator[Row | BadRow]:
        for number, row in enumerate(super().rows()):
            assert isinstance(row, Row)
            if row.split == "train" and number % self.complete:
                name = self.alone[number % len(self.alone)]
                yield Row({name: row.items[name]}, instance=row.instance, split="train")
            else:
                yield row


def train(recipe: Path, *settings: str) -> int:
    return run(str(recipe), settings=settings, out=OUT, resume=False, quiet=True)


def test_batches_without_a_pair_and_without_a_column_train_on(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "tiny.toml", make_store(tmp_path / "store", Sparse()))
    assert train(recipe, "training.epochs=3") == 0
    steps = lines(OUT, "step")
    # Four complete rows, and the only ones with 'right', lie somewhere in six batches of 16.
    empty = [step for step in steps if sum(step["anchors"].values()) == 0]
    full = [step for step in steps if sum(step["anchors"].values()) > 0]
    assert empty
    assert full
    assert all(step["loss"] == 0 and step["grad_norm"] == 0 for step in empty)
    assert all(step["loss"] >= 0 and math.isfinite(step["loss"]) for step in full)
    for epoch in lines(OUT, "epoch"):
        assert 0 < epoch["anchors"]["left-right"] <= 4
    weights = load_checkpoint(RunFolder(OUT).steps()[-1]).tensors["model"]
    assert all(bool(tensor.isfinite().all()) for tensor in weights.values())


def test_pair_that_no_row_has_is_told_counted_and_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class NoRight(Vectors):
        def allows(self, column: str, number: int, split: str) -> bool:
            return split != "train" or (column == "right") == (number % 3 == 0)

    store = make_store(tmp_path / "store", NoRight())
    recipe = write_recipe(tmp_path / "tiny.toml", store)
    assert train(recipe, "training.epochs=2") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "no training row has both columns of left-right" in said
    assert "no row had both columns of left-right, middle-right: nothing was learned" in said
    for epoch in lines(OUT, "epoch"):
        assert epoch["without_anchors"] == ["left-right", "middle-right"]
        assert epoch["anchors"]["left-middle"] > 0


def test_epoch_in_which_no_pair_has_an_anchor_is_an_error(recipe: Path) -> None:
    # So little is left that at this seed no row of the first epoch keeps two values.
    with pytest.raises(
        RunError,
        match=r"\(epoch 1\): not one row of the epoch's 6 batches.*\(left-middle, left-right, mid",
    ):
        train(recipe, "data.modality_dropout=0.9999")


def test_forty_percent_missing_in_training_are_forty_percent_missing_anchors(
    tmp_path: Path,
) -> None:
    store = make_store(tmp_path / "store", Vectors({"train": 400, "validation": 30}, missing=0.4))
    train(write_recipe(tmp_path / "tiny.toml", store), "training.epochs=1")
    (epoch,) = lines(OUT, "epoch")
    # 400 rows, less the few that lost all columns; a pair needs both: 0.6 * 0.6.
    for count in epoch["anchors"].values():
        assert count == pytest.approx(400 * 0.36, rel=0.2)
