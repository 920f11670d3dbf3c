"""What every pairwise objective takes, checked once at the border."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from polymodal_core.errors import suggest
from polymodal_core.shapes import check_shape
from torch import Tensor

from polymodal_losses.errors import ObjectiveError

_GROUP_DTYPES = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


@dataclass(frozen=True)
class PairwiseInputs:
    """Checked inputs of a pairwise objective.

    `embeddings[column]` [batch, dim], all float64 if any column was, else float32.
    `present[column]` bool [batch], on the CPU: the sizes of everything that follows depend on it,
    so that one copy here spares a device many later waits. `groups` int64 [batch] or None, where
    equal ids, and only equal ids, are one group.
    """

    embeddings: dict[str, Tensor]
    present: dict[str, Tensor]
    groups: Tensor | None

    @property
    def device(self) -> torch.device:
        """Where the embeddings lie."""
        return next(iter(self.embeddings.values())).device

    @property
    def batch(self) -> int:
        """Number of rows."""
        return len(next(iter(self.embeddings.values())))

    @property
    def dtype(self) -> torch.dtype:
        """The precision that the objective computes in."""
        return next(iter(self.embeddings.values())).dtype

    def rows(self, column: str) -> Tensor:
        """Index the rows that have a column, on the device of the embeddings."""
        return self.present[column].nonzero().flatten().to(self.device)

    def with_zeros(self) -> dict[str, Tensor]:
        """Give the embeddings [batch, dim] with zeros in absent rows, whatever they held."""
        filled = {}
        for column, z in self.embeddings.items():
            present = self.present[column]
            given = bool(present.all())
            filled[column] = z if given else z.masked_fill(~present.to(z.device)[:, None], 0.0)
        return filled

    def zero_with_graph(self) -> Tensor:
        """Give 0 with zero gradients for every column, so that `backward` always works."""
        # Sums over no rows: 0 even where embeddings hold NaN.
        zero = torch.zeros((), dtype=self.dtype, device=self.device)
        for z in self.embeddings.values():
            zero = zero + z[:0].sum()
        return zero


def check_inputs(
    embeddings: Mapping[str, Tensor],
    *,
    present: Mapping[str, Tensor | None] | None = None,
    groups: Tensor | None = None,
) -> PairwiseInputs:
    """Check and prepare embeddings [batch, dim], presence [batch] and groups [batch].

    A column that `present` lacks, or gives as None, is present in every row. A negative group id
    is a group of its own. Raises ShapeError where axes disagree, ObjectiveError for wrong dtypes
    and for presence of a column that has no embeddings.
    """
    if not embeddings:
        raise ObjectiveError("embeddings is empty; wanted {column: tensor [batch, dim]}")
    sizes: dict[str, int] = {}
    for column, z in embeddings.items():
        if not isinstance(z, Tensor) or not z.is_floating_point():
            raise ObjectiveError(
                f"embeddings['{column}'] is {_described(z)}; wanted a float tensor"
            )
        sizes = check_shape(f"embeddings['{column}']", z, "batch dim", **sizes)
    # Half precision cannot hold logits of 1/0.07 to better than a few percent of a softmax.
    double = any(z.dtype == torch.float64 for z in embeddings.values())
    dtype = torch.float64 if double else torch.float32
    device = next(iter(embeddings.values())).device
    return PairwiseInputs(
        embeddings={column: z.to(dtype) for column, z in embeddings.items()},
        present=_check_present(present or {}, embeddings, sizes["batch"]),
        groups=None if groups is None else _check_groups(groups, sizes["batch"]).to(device),
    )


def detached(embeddings: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the embeddings [batch, dim] without their graph."""
    return {column: z.detach() for column, z in embeddings.items()}


def _check_present(
    present: Mapping[str, Tensor | None], columns: Mapping[str, Tensor], batch: int
) -> dict[str, Tensor]:
    for column, rows in present.items():
        if column not in columns:
            raise ObjectiveError(
                f"present names column '{column}', which has no embeddings"
                f"{suggest(column, columns)}"
            )
        if rows is None:
            continue
        if not isinstance(rows, Tensor) or rows.dtype != torch.bool:
            raise ObjectiveError(f"present['{column}'] is {_described(rows)}; wanted a bool tensor")
        check_shape(f"present['{column}']", rows, "batch", batch=batch)
    everywhere = torch.ones(batch, dtype=torch.bool)
    given = {column: rows for column, rows in present.items() if rows is not None}
    return {column: given[column].cpu() if column in given else everywhere for column in columns}


def _check_groups(groups: Tensor, batch: int) -> Tensor:
    if not isinstance(groups, Tensor) or groups.dtype not in _GROUP_DTYPES:
        raise ObjectiveError(f"groups is {_described(groups)}; wanted a signed integer tensor")
    check_shape("groups", groups, "batch", batch=batch)
    ids = groups.to(torch.int64)
    own = -1 - torch.arange(batch, device=ids.device)
    return torch.where(ids < 0, own, ids)


def _described(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of {value.dtype} with shape {list(value.shape)}"
    return f"{value!r} of type {type(value).__name__}"
