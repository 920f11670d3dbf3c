"""Batches of rows: read, decoded, transformed and collated, the same for any number of workers.

What a batch holds depends on (seed, epoch, its number) alone, so that a run that is resumed in the
middle of an epoch, or continued with other workers, repeats itself bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from polymodal_core.errors import StoreError

from polymodal_datasets.generators import View
from polymodal_datasets.readers import Failure, ItemReader, RowReader, decode
from polymodal_datasets.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from polymodal_core.batch import Batch, Inputs
    from polymodal_core.protocols import Modality

    Integers = NDArray[np.int64]

T = TypeVar("T")
StartMethod = Literal["fork", "spawn", "forkserver"]


def num_batches(rows: Sequence[int] | Integers | int, batch_size: int, drop_last: bool) -> int:
    """Number of batches that so many rows give."""
    count = rows if isinstance(rows, int) else len(rows)
    return count // batch_size if drop_last else math.ceil(count / batch_size)


def even_order(rows: Integers, *, seed: int, epoch: int) -> Integers:
    """Give the rows of a training epoch in a random order of (seed, epoch)."""
    import numpy as np

    return np.random.default_rng([seed, epoch]).permutation(rows)


def load_batches(  # noqa: PLR0913
    store: Store,
    rows: Integers,
    modalities: Mapping[str, Modality],
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    start: int = 0,
    training: bool = True,
    workers: int = 0,
    drop_last: bool = True,
    modality_dropout: float = 0.0,
    kept: Sequence[str] = (),
    order: Integers | None = None,
    start_method: StartMethod | None = None,
) -> Iterable[Batch]:
    """Load the batches of an epoch, `start` of them skipped.

    In training, rows come in a random order of (seed, epoch), or as `order` has them, and values
    are augmented; else rows come in the given order. Modality dropout leaves the columns `kept`
    alone. `workers` processes load ahead, by
    `start_method` (the platform's where it is None); 0 loads in this process. Raises StoreError for
    a column that no row has, and ValueRejectedError, naming column and item, for a value that
    cannot be decoded or transformed.
    """
    check_columns(store, list(modalities), rows)
    if order is None:
        order = even_order(rows, seed=seed, epoch=epoch) if training else rows
    count = num_batches(len(order), batch_size, drop_last)
    if count == 0:
        raise StoreError(
            f"{len(order)} rows give no batch of {batch_size}; set a smaller data.batch_size"
        )
    reader = RowReader(
        store,
        modalities,
        seed=seed,
        epoch=epoch,
        training=training,
        dropout=modality_dropout if training else 0.0,
        kept=kept,
    )
    indices = [
        (number, order[number * batch_size : (number + 1) * batch_size])
        for number in range(start, count)
    ]
    return cast("Iterable[Batch]", _load(reader, indices, workers, start_method))


def load_items(
    store: Store,
    column: str,
    modality: Modality,
    items: Sequence[int] | Integers,
    *,
    batch_size: int,
    workers: int = 0,
    start_method: StartMethod | None = None,
    view: View | None = None,
) -> Iterable[Inputs]:
    """Load items of one column in the given order, as an evaluation sees them, or in a `view`.

    Yields inputs [present, ...]. Raises ValueRejectedError as `load_batches` does.
    """
    store.column(column)
    numbers = [int(item) for item in items]
    indices = [numbers[at : at + batch_size] for at in range(0, len(numbers), batch_size)]
    return _load(ItemReader(store, column, modality, view), indices, workers, start_method)


def fit_values(
    store: Store, columns: Sequence[str], rows: Integers, modality: Modality
) -> Iterator[Any]:
    """Decode every distinct item that some rows hold in these columns, for `Modality.fit`."""
    import numpy as np

    for column in columns:
        store.column(column)
        numbers = np.unique(store.table.items[column][rows])
        numbers = numbers[numbers >= 0]
        for at in range(0, len(numbers), 256):
            some = numbers[at : at + 256]
            for item, payload in zip(some, store.read(column, some), strict=True):
                yield decode(store, column, modality, int(item), payload)


def check_columns(store: Store, columns: Iterable[str], rows: Integers) -> None:
    """Raise StoreError, or UnknownNameError, for a column that no row of `rows` has."""
    for column in columns:
        store.column(column)
        if not store.table.present(column)[rows].any():
            raise StoreError(
                f"{store.path}: none of the {len(rows)} rows has a value in column '{column}'; "
                f"leave it out, or choose another split"
            )


def _load(
    reader: Any, indices: Sequence[T], workers: int, start_method: StartMethod | None
) -> Iterator[Any]:
    if workers == 0:
        loaded: Iterable[Any] = (reader[index] for index in indices)
    else:
        from torch import Generator
        from torch.utils.data import DataLoader

        # A generator of its own: else the loader would draw from the global one, and dropout in
        # the model would differ between no workers and some.
        loaded = DataLoader(
            reader,
            sampler=cast("Any", indices),
            batch_size=None,
            num_workers=workers,
            collate_fn=_as_is,
            generator=Generator(),
            multiprocessing_context=start_method,
        )
    for item in loaded:
        if isinstance(item, Failure):
            raise item.error
        yield item


def _as_is(value: T) -> T:
    return value
