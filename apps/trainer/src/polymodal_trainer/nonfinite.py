"""What to say when the numbers of a run are no longer finite."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from polymodal_core.batch import Batch, Embeddings, Features
from polymodal_core.errors import RunError
from polymodal_core.model import Model
from torch import Tensor, nn

from polymodal_trainer.environment import model_parts

MAX_ROWS = 5


class NonFiniteError(RunError):
    """A loss or a gradient is NaN or infinite; the message says in which column it began."""

    def __init__(self, model: Model, batch: Batch, embeddings: Embeddings, symptom: str) -> None:
        """Look for the column: first in the inputs, then the embeddings, then the gradients."""
        self.symptom = symptom
        self.columns, self.cause = _find(model, batch, embeddings)
        super().__init__(f"{symptom}; {self.cause}")


def check_temperature(objective: nn.Module) -> None:
    """Raise RunError where the objective's temperature has grown beyond all numbers.

    The loss stays finite then, the same for every batch, and nothing would be learned any more.
    """
    temperature = getattr(objective, "temperature", None)
    if isinstance(temperature, float) and not math.isfinite(temperature):
        raise RunError(
            f"the objective's temperature is {temperature}, so that every score counts the same; "
            f"a lower learning rate or learnable = false in [objective] helps"
        )


def nonfinite_columns(model: Model) -> list[str]:
    """Give the columns whose encoder or head holds a weight or statistic that is not finite.

    Of a fusion, which belongs to all of them, say `fusion`.
    """
    found = []
    for column in model.columns:
        tensors = [
            tensor
            for module in model_parts(model, column)
            for tensor in (*module.parameters(), *module.buffers())
        ]
        if not _all_finite(tensors):
            found.append(column)
    if model.fusion is not None and not _all_finite(
        [*model.fusion.parameters(), *model.fusion.buffers()]
    ):
        found.append("fusion")
    return found


def _find(model: Model, batch: Batch, embeddings: Embeddings) -> tuple[list[str], str]:
    inputs = {
        column: _bad_rows(batch, column)
        for column, value in batch.inputs.items()
        if not _all_finite(_tensors(value))
    }
    if inputs:
        described = "; ".join(f"'{column}' ({rows})" for column, rows in inputs.items())
        return list(inputs), f"values of the store that are not finite reach {described}"
    columns = [column for column, z in embeddings.z.items() if not _all_finite([z])]
    if columns:
        return columns, f"the embeddings of {_quoted(columns)} are not finite, their inputs are"
    columns = [column for column in model.columns if not _finite_gradients(model, column)]
    if columns:
        return columns, f"the gradients of {_quoted(columns)} are not finite, the embeddings are"
    if model.fusion is not None and not _all_finite(
        item.grad for item in model.fusion.parameters() if item.grad is not None
    ):
        return [], "the gradients of the fusion are not finite, the embeddings are"
    return [], "every column's embeddings are finite: the objective itself gave it"


def _finite_gradients(model: Model, column: str) -> bool:
    parts: tuple[nn.Module, ...] = model_parts(model, column)
    return _all_finite(
        parameter.grad
        for module in parts
        for parameter in module.parameters()
        if parameter.grad is not None
    )


def _bad_rows(batch: Batch, column: str) -> str:
    bad: set[int] = set()
    for tensor in _tensors(batch.inputs[column]):
        rows = batch.rows[column]
        if tensor.is_floating_point() and tensor.ndim and len(tensor) == len(rows):
            finite = torch.isfinite(tensor).reshape(len(tensor), -1).all(dim=1)
            bad |= set(batch.index[rows[~finite]].tolist())
    shown = ", ".join(str(row) for row in sorted(bad)[:MAX_ROWS])
    return f"rows {shown}{', ...' if len(bad) > MAX_ROWS else ''} of the store"


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Features):
        yield value.pooled
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)


def _all_finite(tensors: Any) -> bool:
    return all(
        bool(torch.isfinite(tensor).all()) for tensor in tensors if tensor.is_floating_point()
    )


def _quoted(columns: list[str]) -> str:
    return ", ".join(f"'{column}'" for column in columns)
