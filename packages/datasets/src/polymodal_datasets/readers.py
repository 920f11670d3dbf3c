"""Making one batch: payloads read, decoded, transformed and collated.

A reader is a map-style dataset whose index is a whole batch. It can be pickled and sent to workers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from polymodal_core.errors import PolymodalError, ValueRejectedError

from polymodal_datasets.generators import RowGenerators, View, unused_generator
from polymodal_datasets.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from polymodal_core.batch import Batch, Inputs
    from polymodal_core.protocols import Modality

    Integers = NDArray[np.int64]

T = TypeVar("T")
DROPOUT = 0x64726F70
"""Tells the draws of modality dropout from those of rows."""


class RowReader:
    """Makes the batch of (number, rows); a map-style dataset that can be pickled."""

    def __init__(
        self,
        store: Store,
        modalities: Mapping[str, Modality],
        *,
        seed: int,
        epoch: int,
        training: bool,
        dropout: float,
        kept: Sequence[str] = (),
    ) -> None:
        """Read rows for training in `epoch`, values left out at the rate `dropout`, or else.

        Values of the columns `kept` are never left out, and are no reason to leave others out.
        """
        self.store = store
        self.modalities = dict(modalities)
        self.seed = seed
        self.epoch = epoch
        self.training = training
        self.dropout = dropout
        self.kept = frozenset(kept)

    def __getitem__(self, index: tuple[int, Integers]) -> Batch | Failure:
        """Make the batch of (number, rows [batch])."""
        return _caught(lambda: self._batch(*index))

    def _batch(self, number: int, rows: Integers) -> Batch:
        import torch
        from polymodal_core.batch import Batch

        items = self._items(number, rows)
        holders = {column: (numbers >= 0).nonzero()[0] for column, numbers in items.items()}
        holders = {column: places for column, places in holders.items() if len(places) > 0}
        payloads = self.store.read_batch(
            {column: items[column][places] for column, places in holders.items()}
        )
        generators = RowGenerators(self.seed, self.epoch, rows if self.training else None)
        inputs = {}
        for column, places in holders.items():
            examples = [
                _example(
                    _Value(self.store, column, int(items[column][place]), payload),
                    self.modalities[column],
                    training=self.training,
                    shared=generators.shared(int(place)),
                    own=generators.own(int(place), column),
                )
                for place, payload in zip(places, payloads[column], strict=True)
            ]
            inputs[column] = self.modalities[column].collate(examples)
        table = self.store.table
        return Batch(
            inputs=inputs,
            rows={column: torch.from_numpy(places) for column, places in holders.items()},
            instance=torch.from_numpy(table.instance[rows]),
            label=torch.from_numpy(table.label[rows]),
            index=torch.from_numpy(rows.copy()),
        )

    def _items(self, number: int, rows: Integers) -> dict[str, Integers]:
        """Item numbers [batch] by column, -1 for what screens or modality dropout take."""
        import numpy as np

        always = {
            column: self.store.table.items[column][rows]
            for column in self.modalities
            if column in self.kept
        }
        columns = [column for column in self.modalities if column not in self.kept]
        numbers = np.stack([self._screened(column, rows) for column in columns])
        if self.dropout > 0:
            rng = np.random.default_rng([self.seed, self.epoch, number, DROPOUT])
            draws = rng.random(numbers.shape)
            present = numbers >= 0
            # The value with the largest draw stays: never all of a row are dropped.
            survivor = np.where(present, draws, -1.0).argmax(axis=0)
            dropped = draws < self.dropout
            dropped[survivor, np.arange(len(rows))] = False
            numbers = np.where(dropped, -1, numbers)
        return dict(zip(columns, numbers, strict=True)) | always

    def _screened(self, column: str, rows: Integers) -> Integers:
        # Before dropout, which so never leaves a row nothing but what training may not see.
        numbers = self.store.table.items[column][rows]
        screen = self.modalities[column].screen() if self.training else None
        if screen is None:
            return numbers
        numbers = numbers.copy()
        places = (numbers >= 0).nonzero()[0]
        payloads = self.store.read(column, numbers[places])
        for place, payload in zip(places, payloads, strict=True):
            item = int(numbers[place])
            try:
                passed = screen(payload)
            except Exception as error:
                raise _Value(self.store, column, item, payload).rejected(error) from error
            if not passed:
                numbers[place] = -1
        return numbers


class ItemReader:
    """Makes the inputs of some items of one column; a map-style dataset that can be pickled."""

    def __init__(
        self, store: Store, column: str, modality: Modality, view: View | None = None
    ) -> None:
        """Read items of `column`, as an evaluation sees them or as training does in a `view`."""
        self.store = store
        self.column = column
        self.modality = modality
        self.view = view

    def __getitem__(self, items: list[int]) -> Inputs | Failure:
        """Make the inputs [present, ...] of some items."""
        return _caught(lambda: self._inputs(items))

    def _inputs(self, items: list[int]) -> Inputs:
        payloads = self.store.read(self.column, items)
        view = self.view
        rng = unused_generator()
        examples = [
            _example(
                _Value(self.store, self.column, item, payload),
                self.modality,
                training=view is not None,
                shared=rng if view is None else view.shared(),
                own=rng if view is None else view.own(payload),
            )
            for item, payload in zip(items, payloads, strict=True)
        ]
        return self.modality.collate(examples)


@dataclass(frozen=True)
class Failure:
    """An error on its way out of a worker, which would else arrive as a page of traceback."""

    error: PolymodalError


def _caught(make: Callable[[], T]) -> T | Failure:
    try:
        return make()
    except PolymodalError as error:
        return Failure(type(error)(str(error)))


@dataclass(frozen=True)
class _Value:
    store: Store
    column: str
    item: int
    payload: bytes

    def rejected(self, error: Exception) -> ValueRejectedError:
        name = "" if isinstance(error, ValueRejectedError) else f"{type(error).__name__}: "
        return ValueRejectedError(
            f"{self.store.path}: item {self.item} of column '{self.column}' "
            f"('{self.store.id(self.column, self.item)}') cannot be used: {name}{error}"
        )


def decode(store: Store, column: str, modality: Modality, item: int, payload: bytes) -> Any:
    """Decode an item's payload; raises ValueRejectedError that names it where that fails."""
    try:
        return modality.decode(payload)
    except Exception as error:
        raise _Value(store, column, item, payload).rejected(error) from error


def _example(
    value: _Value,
    modality: Modality,
    *,
    training: bool,
    shared: np.random.Generator,
    own: np.random.Generator,
) -> Any:
    decoded = decode(value.store, value.column, modality, value.item, value.payload)
    try:
        return modality.transform(decoded, training=training, shared=shared, own=own)
    except Exception as error:
        raise value.rejected(error) from error
