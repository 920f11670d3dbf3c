from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.batch import Batch
from polymodal_core.errors import StoreError, UnknownNameError
from polymodal_core.protocols import Modality
from polymodal_datasets.generators import View
from polymodal_datasets.loading import fit_values, load_batches, load_items, num_batches
from polymodal_datasets.store import Store

from .fakes import NoteModality, TileModality

MODALITIES: dict[str, Modality] = {"picture": TileModality(), "caption": NoteModality()}


def load(store: Store, **options: Any) -> list[Batch]:
    rows = options.pop("rows", store.rows_of("train"))
    given: dict[str, Any] = {"batch_size": 16, "seed": 1, "epoch": 2, **options}
    return list(load_batches(store, rows, given.pop("modalities", MODALITIES), **given))


def plain(batches: Iterable[Batch]) -> list[dict[str, Any]]:
    return [
        {
            "inputs": {name: value.tolist() for name, value in batch.inputs.items()},
            "rows": {name: value.tolist() for name, value in batch.rows.items()},
            "instance": batch.instance.tolist(),
            "label": batch.label.tolist(),
            "index": batch.index.tolist(),
        }
        for batch in batches
    ]


def indices(batches: Iterable[Batch]) -> list[int]:
    return [index for batch in batches for index in batch.index.tolist()]


def test_order_is_a_permutation_of_seed_and_epoch(store: Store) -> None:
    rows = store.rows_of("train")
    order = indices(load(store, drop_last=False))
    assert order == np.random.default_rng([1, 2]).permutation(rows).tolist()
    assert order != indices(load(store, epoch=3, drop_last=False))
    assert order != indices(load(store, seed=2, drop_last=False))
    assert indices(load(store, training=False, drop_last=False)) == rows.tolist()
    given = rows[::-1].copy()
    assert indices(load(store, order=given, drop_last=False)) == given.tolist()
    assert indices(load(store, order=given, start=2)) == given[32 : len(rows) // 16 * 16].tolist()


def test_the_last_batch(store: Store) -> None:
    assert [batch.size for batch in load(store)] == [16] * 8
    assert [batch.size for batch in load(store, drop_last=False)] == [16] * 8 + [7]
    assert (num_batches(135, 16, True), num_batches(135, 16, False)) == (8, 9)
    assert num_batches(store.rows_of("train"), 16, False) == 9
    assert num_batches(128, 16, False) == 8


@pytest.mark.parametrize("start", [1, 5, 8])
def test_start_skips_batches_without_reading_them(
    store: Store, start: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = plain(load(store, modality_dropout=0.3))
    read = 0
    read_batch = Store.read_batch

    def counted(self: Store, items: Any) -> Any:
        nonlocal read
        read += 1
        return read_batch(self, items)

    monkeypatch.setattr(Store, "read_batch", counted)
    assert plain(load(store, modality_dropout=0.3, start=start)) == whole[start:]
    assert read == len(whole) - start


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_workers_change_nothing(store: Store, start_method: str) -> None:
    """LMDB in workers: opened here before, used on both sides of a fork, pickled to a spawn."""
    store.read("caption", [0])
    options = {"modality_dropout": 0.3, "rows": store.rows_of("train")[:80]}
    alone = plain(load(store, **options))
    state = torch.get_rng_state()
    loaded = plain(load(store, workers=2, start_method=start_method, **options))
    assert loaded == alone
    # The model's own randomness, too, is the same with workers and without.
    assert torch.equal(torch.get_rng_state(), state)
    assert store.read("caption", [0])


def test_columns_are_checked_before_the_first_batch(store: Store) -> None:
    with pytest.raises(UnknownNameError, match="no column 'pictures'; did you mean 'picture'"):
        load_batches(
            store,
            store.rows_of("train"),
            {"pictures": TileModality()},
            batch_size=4,
            seed=0,
            epoch=0,
        )
    missing = np.flatnonzero(store.table.items["picture"] < 0)
    with pytest.raises(StoreError, match=f"none of the {len(missing)} rows .* column 'picture'"):
        load_batches(store, missing, MODALITIES, batch_size=4, seed=0, epoch=0)


def test_too_few_rows_for_a_batch(store: Store) -> None:
    with pytest.raises(StoreError, match="10 rows give no batch of 16; set a smaller"):
        load(store, rows=store.rows_of("train")[:10])
    assert len(load(store, rows=store.rows_of("train")[:10], drop_last=False)) == 1


def test_items_come_in_the_given_order(store: Store) -> None:
    items = np.array([9, 2, 2, 30, 4])
    for workers in (0, 2):
        parts = list(
            load_items(store, "picture", TileModality(), items, batch_size=2, workers=workers)
        )
        assert [len(part) for part in parts] == [2, 2, 1]
        means = [TileModality().decode(item).mean() for item in store.read("picture", items)]
        assert torch.cat(parts)[:, 0].tolist() == means
    with pytest.raises(UnknownNameError, match="no column 'sound'"):
        load_items(store, "sound", TileModality(), [0], batch_size=2)


def test_items_of_a_view_are_augmented_by_it_alone(store: Store) -> None:
    items = np.array([9, 2, 30])
    view = View(5, 2)
    expected = []
    for payload in store.read("picture", items):
        mean = float(TileModality().decode(payload).mean())
        expected.append([mean, view.shared().random(), view.own(payload).random()])
    for workers, size in ((0, 2), (2, 1)):
        parts = load_items(
            store, "picture", TileModality(), items, batch_size=size, workers=workers, view=view
        )
        assert torch.cat(list(parts)).tolist() == expected


def test_values_to_fit_on_are_distinct_and_of_the_given_rows(store: Store) -> None:
    rows = store.rows_of("test")
    values = list(fit_values(store, ["picture"], rows, TileModality()))
    items = {int(item) for item in store.table.items["picture"][rows] if item >= 0}
    assert len(values) == len(items) < len(rows)
    expected = [TileModality().decode(item) for item in store.read("picture", sorted(items))]
    assert all((one == other).all() for one, other in zip(values, expected, strict=True))
    both = list(fit_values(store, ["caption", "caption"], rows, NoteModality()))
    assert len(both) == 2 * len({int(i) for i in store.table.items["caption"][rows] if i >= 0})
