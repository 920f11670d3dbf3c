from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
import torch
from polymodal_core.batch import Batch
from polymodal_core.errors import ValueRejectedError
from polymodal_core.protocols import Modality
from polymodal_core.rows import BadRow, Item, Row
from polymodal_datasets.frozen_features import CachedModality
from polymodal_datasets.item_features import FeatureTable, ItemFeatures
from polymodal_datasets.loading import fit_values, load_batches, load_items
from polymodal_datasets.pack import pack
from polymodal_datasets.store import Store

from .fakes import FakeImporter, NoteModality, TileModality, captioned, fake_registry, tile

MODALITIES: dict[str, Modality] = {"picture": TileModality(), "caption": NoteModality()}


def load(store: Store, **options: Any) -> list[Batch]:
    rows = options.pop("rows", store.rows_of("train"))
    given: dict[str, Any] = {"batch_size": 16, "seed": 1, "epoch": 2, **options}
    return list(load_batches(store, rows, given.pop("modalities", MODALITIES), **given))


def test_a_batch_holds_what_its_rows_hold(store: Store) -> None:
    table = store.table
    for batch in load(store, training=False):
        assert batch.instance.tolist() == table.instance[batch.index].tolist()
        assert batch.label.tolist() == table.label[batch.index].tolist()
        for column, modality in MODALITIES.items():
            items = table.items[column][batch.index]
            assert batch.rows[column].tolist() == np.flatnonzero(items >= 0).tolist()
            values = [modality.decode(payload) for payload in store.read(column, items[items >= 0])]
            sizes = [len(item) if column == "caption" else item.mean() for item in values]
            assert batch.inputs[column][:, 0].tolist() == sizes
        assert {batch.index.dtype, batch.instance.dtype, batch.rows["caption"].dtype} == {
            torch.int64
        }


def test_values_get_the_rows_generator_and_their_own(store: Store) -> None:
    for batch in load(store)[:2]:
        for column in MODALITIES:
            for place, row in enumerate(batch.index[batch.rows[column]].tolist()):
                shared = np.random.default_rng([1, 2, row]).random()
                own = np.random.default_rng([1, 2, row, crc32(column.encode())]).random()
                assert batch.inputs[column][place, 1:].tolist() == [shared, own]


def test_evaluation_is_not_random(store: Store) -> None:
    for batch in load(store, training=False, modality_dropout=0.9):
        assert all((inputs[:, 1:] == 0).all() for inputs in batch.inputs.values())
        present = (store.table.items["picture"][batch.index] >= 0).sum()
        assert len(batch.rows["picture"]) == present


def test_modality_dropout_never_takes_all_of_a_row(store: Store) -> None:
    kept = dropped = 0
    for batch in load(store, modality_dropout=0.5, drop_last=False):
        held = np.zeros(batch.size, dtype=int)
        for column in batch.rows:
            held[batch.rows[column].numpy()] += 1
        assert (held >= 1).all()
        both = (store.table.items["picture"][batch.index] >= 0) & (
            store.table.items["caption"][batch.index] >= 0
        )
        kept += int((held[both] == 2).sum())
        dropped += int((held[both] == 1).sum())
    # A row of two values keeps both with probability 1/4.
    assert 0.6 < dropped / (kept + dropped) < 0.9


class Picky(NoteModality):
    """Texts, of which training may not learn from those that end in 3."""

    def screen(self) -> Callable[[bytes], bool]:
        return _no_three


def _no_three(payload: bytes) -> bool:
    if payload == b"broken":
        raise ZeroDivisionError("as told")
    return not payload.endswith(b"3")


PICKY: dict[str, Modality] = {"picture": TileModality(), "caption": Picky()}


def held(batch: Batch) -> dict[str, set[int]]:
    return {column: set(batch.index[rows].tolist()) for column, rows in batch.rows.items()}


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_screen_takes_is_missing_in_training_alone(store: Store, workers: int) -> None:
    items = store.table.items["caption"]
    threes = {
        int(row)
        for row in store.rows_of("train")
        if items[row] >= 0 and store.read("caption", [items[row]])[0].endswith(b"3")
    }
    assert threes
    plain = load(store, drop_last=False)
    screened = load(store, drop_last=False, modalities=PICKY, workers=workers)
    for before, after in zip(plain, screened, strict=True):
        found = held(after)
        assert found["caption"] == held(before)["caption"] - threes
        assert found["picture"] == held(before)["picture"]
        # What is left is as it was, to the draws of its own.
        rows = before.index[before.rows["caption"]].tolist()
        kept = torch.tensor([row not in threes for row in rows])
        assert torch.equal(after.inputs["caption"], before.inputs["caption"][kept])
    for batch in load(store, drop_last=False, modalities=PICKY, training=False):
        present = (items[batch.index] >= 0).sum()
        assert len(batch.rows["caption"]) == present


def test_dropout_leaves_a_row_something_that_a_screen_lets_through(store: Store) -> None:
    table = store.table
    for batch in load(store, modality_dropout=0.9, drop_last=False, modalities=PICKY):
        found = set().union(*held(batch).values())
        for row in set(batch.index.tolist()) - found:
            # No picture, and a text that training may not see: nothing to drop.
            assert table.items["picture"][row] < 0
            assert not _no_three(store.read("caption", [table.items["caption"][row]])[0])


def test_cached_features_are_screened_as_their_values_are() -> None:
    features = FeatureTable.of([ItemFeatures(np.zeros(2, np.float32))])
    screen = CachedModality(Picky(), {}, features).screen()
    assert screen is not None
    assert [screen(payload) for payload in (b"text 3", b"text 4")] == [False, True]
    assert CachedModality(NoteModality(), {}, features).screen() is None


def test_a_value_that_cannot_be_screened_is_named(tmp_path: Path) -> None:
    entries = [Row({"caption": Item("c", "broken"), "picture": Item("p", tile(0))})]
    pack(FakeImporter(entries), tmp_path / "s", registry=fake_registry())
    message = r"item 0 of column 'caption' \('c'\) cannot be used: ZeroDivisionError: as told"
    with pytest.raises(ValueRejectedError, match=message):
        load(Store(tmp_path / "s"), batch_size=1, modalities=PICKY)


def test_dropout_differs_between_epochs(store: Store) -> None:
    rows = store.rows_of("train")[:16]
    first, second = (
        {row for batch in load(store, rows=rows, modality_dropout=0.5, epoch=epoch) for row in
         batch.index[batch.rows["caption"]].tolist()}
        for epoch in (0, 1)
    )  # fmt: skip
    assert first != second


def test_a_column_that_no_row_of_a_batch_has_is_left_out(store: Store) -> None:
    missing = np.flatnonzero(store.table.items["picture"] < 0)
    rows = np.concatenate([missing[:8], store.rows_of("train")[:8]])
    batches = load(store, rows=rows, batch_size=8, training=False)
    assert set(batches[0].inputs) == set(batches[0].rows) == {"caption"}
    assert set(batches[1].inputs) == {"caption", "picture"}


@pytest.fixture
def faulty(tmp_path: Path) -> Store:
    entries: list[Row | BadRow] = [
        Row({"caption": Item("good", "text"), "picture": Item("p", tile(0))}),
        Row({"caption": Item("bad.txt", "cannot be transformed")}),
    ]
    pack(FakeImporter(entries), tmp_path / "s", registry=fake_registry())
    return Store(tmp_path / "s")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_value_that_cannot_be_transformed_is_named(faulty: Store, workers: int) -> None:
    message = r"item 1 of column 'caption' \('bad.txt'\) cannot be used: ZeroDivisionError: as told"
    with pytest.raises(ValueRejectedError, match=message) as caught:
        load(faulty, batch_size=2, workers=workers)
    assert "Traceback" not in str(caught.value)  # as torch's loader would have it
    with pytest.raises(ValueRejectedError, match=message):
        list(load_items(faulty, "caption", NoteModality(), [0, 1], batch_size=2, workers=workers))


def test_a_value_that_cannot_be_decoded_is_named(faulty: Store) -> None:
    message = r"item [01] of column 'caption' \('(good|bad.txt)'\) cannot be used: ValueError"
    with pytest.raises(ValueRejectedError, match=message):
        load(faulty, batch_size=2, modalities={"caption": TileModality()})
    with pytest.raises(ValueRejectedError, match="item 0 of column 'caption'"):
        list(fit_values(faulty, ["caption"], np.array([0, 1]), TileModality()))


def test_five_captions_of_a_picture_give_five_views_of_it(tmp_path: Path) -> None:
    entries = [entry for entry in captioned(2, 5) if isinstance(entry, Row)]
    pack(FakeImporter(entries), tmp_path / "s", registry=fake_registry())
    (batch,) = load(Store(tmp_path / "s"), rows=np.arange(10), batch_size=10)
    assert len(batch.inputs["picture"]) == 10
    assert len(set(batch.inputs["picture"][:, 0].tolist())) == 2
    assert len(set(batch.inputs["picture"][:, 1].tolist())) == 10
