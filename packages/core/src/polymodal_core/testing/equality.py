"""Equality of whatever plug-ins return: arrays, tensors, pictures, dataclasses, plain data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from torch import Tensor


def same(first: Any, second: Any, *, ignore: frozenset[str] = frozenset()) -> bool:
    """Say whether two values are equal, NaN equal to NaN; dataclass fields in `ignore` are not."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(
            same(first[key], second[key], ignore=ignore) for key in first
        )
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(
            same(one, other, ignore=ignore) for one, other in zip(first, second, strict=True)
        )
    if dataclasses.is_dataclass(first) and type(first) is type(second):
        names = [item.name for item in dataclasses.fields(first) if item.name not in ignore]
        return all(
            same(getattr(first, name), getattr(second, name), ignore=ignore) for name in names
        )
    if _is_array(first) and _is_array(second):
        return _same_arrays(_array(first), _array(second))
    if isinstance(first, float) and isinstance(second, float):
        return first == second or (math.isnan(first) and math.isnan(second))
    return type(first) is type(second) and bool(first == second)


def close(first: Tensor, second: Tensor, *, tolerance: float) -> bool:
    """Say whether two tensors agree within `tolerance` of the largest magnitude, at least 1."""
    if first.shape != second.shape:
        return False
    scale = max(1.0, float(first.detach().abs().max()) if first.numel() else 1.0)
    return bool(((first - second).abs() <= tolerance * scale).all())


def tensors_in(inputs: Any, path: str = "inputs") -> Iterator[tuple[str, Any]]:
    """List the leaves of nested inputs with their paths: `inputs.ids`."""
    if isinstance(inputs, Mapping):
        for key, item in inputs.items():
            yield from tensors_in(item, f"{path}.{key}")
    elif isinstance(inputs, list | tuple):
        for index, item in enumerate(inputs):
            yield from tensors_in(item, f"{path}.{index}")
    else:
        yield path, inputs


def _is_array(value: Any) -> bool:
    # A PIL picture is no array, but offers the interface of one.
    return isinstance(value, np.ndarray | np.generic | Tensor) or hasattr(
        value, "__array_interface__"
    )


def _array(value: Any) -> np.ndarray[Any, Any]:
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)


def _same_arrays(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> bool:
    inexact = first.dtype.kind in "fc" and second.dtype.kind in "fc"
    return (
        first.shape == second.shape
        and first.dtype == second.dtype
        and np.array_equal(first, second, equal_nan=inexact)
    )
