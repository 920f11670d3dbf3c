"""The values that travel from store to loss: Batch, Features, Embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Inputs = Any
"""What a modality's `collate` returns: a tensor, or nested dicts and lists of tensors."""


@dataclass(frozen=True)
class Batch:
    """A batch of rows, any of which may lack any modality.

    `inputs[column]` holds the collated values of the rows that have the column, first axis
    `present`; `rows[column]` [present] says which rows of the batch these are. A column that no
    row of the batch has is in neither; target columns (`ModalityConfig.target`) are among them.
    `instance` and `label` are int64 [batch], -1 where unknown; `index` [batch] is each row's number
    in the store.
    """

    inputs: Mapping[str, Inputs]
    rows: Mapping[str, Tensor]
    instance: Tensor
    label: Tensor
    index: Tensor

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self.instance.shape[0])

    def target(self, column: str) -> Tensor | None:
        """Give a target's values by row: [batch, ...], -1 where absent; None where no row has it.

        Its inputs are one tensor of integers [present, ...].
        """
        if column not in self.inputs:
            return None
        found: Tensor = self.inputs[column]
        rows = self.rows[column]
        return found.new_full((self.size, *found.shape[1:]), -1).index_copy(0, rows, found)

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        """Give the same batch with every tensor on `device`."""

        def move(value: Inputs) -> Inputs:
            return to_device(value, device, non_blocking=non_blocking)

        return replace(
            self,
            inputs={column: move(value) for column, value in self.inputs.items()},
            rows={column: move(value) for column, value in self.rows.items()},
            instance=move(self.instance),
            label=move(self.label),
            index=move(self.index),
        )

    def part(self, start: int, stop: int) -> Batch:
        """Give the rows from `start` to before `stop` as a batch of their own.

        Padding stays as it is. Values that lie one after another are shared, not copied.
        """
        span = slice(start, min(stop, self.size))
        inputs, rows = {}, {}
        for column, places in self.rows.items():
            inside = ((places >= span.start) & (places < span.stop)).nonzero().flatten()
            if len(inside) > 0:
                inputs[column] = take_values(self.inputs[column], _as_slice(inside))
                rows[column] = places[inside] - span.start
        own = {name: getattr(self, name)[span] for name in ("instance", "label", "index")}
        return replace(self, inputs=inputs, rows=rows, **own)


@dataclass(frozen=True)
class Features:
    """What an encoder returns for the values present.

    `pooled` [present, feature_dim]; `tokens` [present, length, feature_dim] where the encoder
    has a sequence, with `mask` bool [present, length], True where a token is real. `auxiliary` is a
    scalar loss of the encoder's own, weighted, that training adds to the objective; in eval mode
    there is none. It is a mean over `auxiliary_count` things, a scalar (None: the values present),
    so that the losses of parts of a batch can be put together. `grid` (height, width) says that
    the last height * width tokens are the cells of a map over what the encoder sees, row by row.
    """

    pooled: Tensor
    tokens: Tensor | None = None
    mask: Tensor | None = None
    auxiliary: Tensor | None = None
    auxiliary_count: Tensor | None = None
    grid: tuple[int, int] | None = None

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Features:
        """Give the same features with every tensor on `device`."""

        def move(value: Tensor | None) -> Inputs:
            return to_device(value, device, non_blocking=non_blocking)

        return replace(
            self,
            pooled=move(self.pooled),
            tokens=move(self.tokens),
            mask=move(self.mask),
            auxiliary=move(self.auxiliary),
            auxiliary_count=move(self.auxiliary_count),
        )


@dataclass(frozen=True)
class Embeddings:
    """Unit vectors `z[column]` [batch, dim], zero where `present[column]` [batch] is False.

    `compare` names the pairs of columns that a loss may compare; None means all. Fusion limits it
    to columns that have not seen each other (`fusion.Exchange`). `auxiliary[column]` are scalar
    losses of encoders' own (`Features.auxiliary`), of those that have any, and
    `auxiliary_counts[column]` scalars, the numbers of things that they are means over. `joint`
    [batch, dim], where it was asked for, embeds each row by all columns that it has
    (`Model.combine`): it has seen all of them, so that no loss may compare it with any.
    `maps[column]` [batch, channels, height, width], where they were asked for, lay out the tokens
    of a column seen alone, and `maps["joint"]` those of one that has seen all others of its row;
    zeros where it is absent.
    """

    z: Mapping[str, Tensor]
    present: Mapping[str, Tensor]
    compare: frozenset[tuple[str, str]] | None = None
    auxiliary: Mapping[str, Tensor] = field(default_factory=dict)
    auxiliary_counts: Mapping[str, Tensor] = field(default_factory=dict)
    joint: Tensor | None = None
    maps: Mapping[str, Tensor] = field(default_factory=dict)


def to_device(value: Inputs, device: torch.device | str, *, non_blocking: bool = False) -> Inputs:
    """Give collated inputs, or features that stand for them, with every tensor on `device`."""
    if isinstance(value, Mapping):
        return {
            key: to_device(item, device, non_blocking=non_blocking) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return type(value)(to_device(item, device, non_blocking=non_blocking) for item in value)
    return value.to(device, non_blocking=non_blocking) if hasattr(value, "to") else value


def take_values(value: Inputs, places: Tensor | slice) -> Inputs:
    """Give collated inputs, or features that stand for them, of the values at `places` alone."""
    if isinstance(value, Mapping):
        return {key: take_values(item, places) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(take_values(item, places) for item in value)
    if isinstance(value, Features):
        tokens, mask = (None if x is None else x[places] for x in (value.tokens, value.mask))
        return Features(value.pooled[places], tokens, mask, grid=value.grid)
    return value[places]


def _as_slice(places: Tensor) -> Tensor | slice:
    # A slice of a tensor is a view of it; places are distinct and in ascending order.
    first, last = int(places[0]), int(places[-1])
    return slice(first, last + 1) if last - first + 1 == len(places) else places


def first_axis(value: Inputs) -> int:
    """Number of values in collated inputs: the length of the first tensor found."""
    while isinstance(value, Mapping | list | tuple):
        value = next(iter(value.values() if isinstance(value, Mapping) else value))
    return int(value.shape[0])
