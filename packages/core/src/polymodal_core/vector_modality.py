"""Vectors as values: packed, normalised, corrupted and shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from polymodal_core.errors import PolymodalError, ValueRejectedError
from polymodal_core.protocols import Modality, State

if TYPE_CHECKING:
    from torch import Tensor

    from polymodal_core.protocols import Corruption

Vector = NDArray[np.float32]

NUM_SHOWN = 6
PICTURE_HEIGHT, PICTURE_WIDTH = 64, 128
POSITIVE, NEGATIVE, PAPER, AXIS = (47, 111, 178), (214, 96, 51), (255, 255, 255), (170, 170, 170)


class VectorModality(Modality):
    """Float vectors [dim], stored as little-endian float32.

    `normalise`: `standard` gives every dimension mean 0 and standard deviation 1 over the training
    split (a constant dimension becomes 0), `unit` gives every vector length 1, `none` leaves them.
    `names` of the dimensions, where given, make `show` a text instead of a picture of bars.
    """

    def __init__(
        self,
        *,
        normalise: str,
        names: Sequence[str] | None = None,
        average: bool = False,
        state: State | None = None,
    ) -> None:
        """Build, with what `fit` learned where it has been fitted.

        With `average`, a value of several vectors is packed as their mean.
        """
        self.normalise = normalise
        self.average = average
        self.names = None if names is None else tuple(names)
        self.state = state

    def pack(self, value: Any, root: str | None) -> bytes:
        """Give the bytes of a vector [dim]; with `average`, of the mean of [instances, dim] too.

        `value` is a list or an array, text with the numbers, or the path of an `.npy` file below
        `root`. Raises ValueRejectedError for what is no vector, and for a NaN or an infinity with
        its position.
        """
        array = _array(value, root)
        if array.ndim not in ((1, 2) if self.average else (1,)) or array.size == 0:
            several = ", or several of them [instances, dim]" if self.average else ""
            raise ValueRejectedError(
                f"an array of shape {list(array.shape)}; wanted one vector [dim]{several}"
            )
        _check_finite(array)
        if array.ndim == 2:
            array = array.mean(axis=0)
        with np.errstate(over="ignore"):
            packed = array.astype("<f4")
        _check_finite(packed, given=array)
        self._check_names(len(packed))
        return packed.tobytes()

    def decode(self, payload: bytes) -> Vector:
        """Give the vector [dim]."""
        if not payload or len(payload) % 4:
            raise ValueRejectedError(f"{len(payload)} bytes are no float32 vector")
        return np.frombuffer(payload, dtype="<f4").astype(np.float32)

    def fit(self, values: Iterable[Vector]) -> State:
        """Learn the number of dimensions, and of each the mean, standard deviation and range.

        Raises ValueRejectedError where two vectors differ in length, and PolymodalError where
        there is none.
        """
        count = 0
        mean = squares = low = high = np.zeros(0)
        for value in values:
            vector = value.astype(np.float64)
            if count == 0:
                mean, squares = np.zeros_like(vector), np.zeros_like(vector)
                low = high = vector
            elif vector.shape != mean.shape:
                raise ValueRejectedError(
                    f"a vector of {len(vector)} numbers; the {count} before it have {len(mean)}"
                )
            count += 1
            # Welford's update: the sum of squares would cancel for a mean far from 0.
            delta = vector - mean
            mean = mean + delta / count
            squares = squares + delta * (vector - mean)
            low, high = np.minimum(low, vector), np.maximum(high, vector)
        if count == 0:
            raise PolymodalError("the training split has no vector to learn the dimensions from")
        return {
            "dim": len(mean),
            "mean": mean.tolist(),
            "std": np.sqrt(squares / count).tolist(),
            "low": low.tolist(),
            "high": high.tolist(),
        }

    def transform(
        self,
        value: Vector,
        *,
        training: bool,
        shared: np.random.Generator,
        own: np.random.Generator,
    ) -> Vector:
        """Normalise a vector [dim]; raises ValueRejectedError for one of another length."""
        state = self._fitted()
        if value.shape != (state["dim"],):
            raise ValueRejectedError(
                f"a vector of {value.size} numbers; the training split has {state['dim']}"
            )
        if self.normalise == "standard":
            mean, std = np.asarray(state["mean"]), np.asarray(state["std"])
            # A constant dimension says nothing; dividing by its rounding error would make it loud.
            constant = std <= 1e-6 * np.abs(mean)
            value = np.where(constant, 0.0, (value - mean) / np.where(constant, 1.0, std))
        elif self.normalise == "unit":
            length = np.linalg.norm(value.astype(np.float64))
            value = value / (length if length > 0 else 1.0)
        return value.astype(np.float32)

    def collate(self, examples: Sequence[Vector]) -> Tensor:
        """Stack vectors to float32 [present, dim]."""
        import torch

        return torch.from_numpy(np.stack(examples))

    def corruptions(self) -> Mapping[str, Corruption]:
        """Set dimensions to 0, mirror them in their range, or add noise of their own spread."""
        return {"zero": self._zero, "flip": self._flip, "noise": self._noise}

    def show(self, value: Vector) -> NDArray[np.uint8] | str:
        """Give the strongest dimensions by name, or a picture of bars where they have no names."""
        if self.names is None:
            return _bars(value)
        self._check_names(len(value))
        strength = np.abs(value)
        if self.state is not None:
            mean, std = np.asarray(self.state["mean"]), np.asarray(self.state["std"])
            strength = np.abs(value - mean) / np.where(std > 0, std, np.inf)
        top = np.argsort(-strength, kind="stable")[:NUM_SHOWN]
        return ", ".join(f"{self.names[index]} {value[index]:.3g}" for index in top)

    def spec(self) -> dict[str, Any]:
        """Give the number of dimensions: `dim`."""
        return {"dim": self._fitted()["dim"]}

    def _fitted(self) -> State:
        if self.state is None:
            raise PolymodalError(
                "the number of dimensions is known only after `fit` on the training split"
            )
        return self.state

    def _check_names(self, dim: int) -> None:
        if self.names is not None and len(self.names) != dim:
            raise ValueRejectedError(
                f"a vector of {dim} numbers; `names` has {len(self.names)} of them"
            )

    def _zero(self, value: Vector, severity: float, rng: np.random.Generator) -> Vector:
        return np.where(rng.random(value.shape) < severity, np.float32(0), value)

    def _flip(self, value: Vector, severity: float, rng: np.random.Generator) -> Vector:
        low, high = self._range(value)
        mirrored = (low + high - value).astype(np.float32)
        return np.where(rng.random(value.shape) < severity, mirrored, value)

    def _noise(self, value: Vector, severity: float, rng: np.random.Generator) -> Vector:
        if severity == 0:
            return value
        spread = np.std(value) if self.state is None else np.asarray(self.state["std"])
        noise = severity * spread * rng.standard_normal(value.shape)
        return (value + noise).astype(np.float32)

    def _range(self, value: Vector) -> tuple[Any, Any]:
        if self.state is None:
            return value.min(), value.max()
        return np.asarray(self.state["low"]), np.asarray(self.state["high"])


def _array(value: Any, root: str | None) -> NDArray[np.float64]:
    found = _read(str(value), root) if isinstance(value, str | Path) else value
    try:
        array = np.asarray(found)
    except (ValueError, TypeError):  # a ragged list
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "buif":
        raise ValueRejectedError(f"{str(value)[:60]!r} is no list or array of numbers")
    return array.astype(np.float64)


def _read(text: str, root: str | None) -> Any:
    if not text.lower().endswith(".npy"):
        return _parse(text)
    path = Path(root or "", text)
    try:
        return np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise ValueRejectedError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError) as error:
        raise ValueRejectedError(f"{path}: no readable .npy file of numbers: {error}") from None


def _parse(text: str) -> Any:
    try:
        if text.lstrip().startswith("["):
            return json.loads(text)
        return [float(part) for part in re.split(r"[\s,;]+", text.strip()) if part]
    except ValueError:
        raise ValueRejectedError(
            f"{text[:60]!r} is neither numbers (separated by spaces, commas or semicolons) nor "
            f"the path of an .npy file"
        ) from None


def _check_finite(array: NDArray[Any], *, given: NDArray[Any] | None = None) -> None:
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        position = tuple(int(index) for index in wrong[0])
        value = (array if given is None else given)[position]
        shown = position[0] if len(position) == 1 else list(position)
        raise ValueRejectedError(
            f"number {shown} (counted from 0) is {value}; wanted finite float32 numbers"
        )


def _bars(value: Vector) -> NDArray[np.uint8]:
    """Draw the vector as bars up and down from an axis: uint8 [height, width, 3]."""
    picture = np.full((PICTURE_HEIGHT, PICTURE_WIDTH, 3), PAPER, dtype=np.uint8)
    middle = PICTURE_HEIGHT // 2
    picture[middle] = AXIS
    scale = (middle - 2) / max(float(np.abs(value).max()), 1e-12)
    edges = np.linspace(0, PICTURE_WIDTH, min(len(value), PICTURE_WIDTH) + 1).astype(int)
    # More dimensions than pixels: neighbours share a bar, and the strongest of them is drawn.
    parts = np.array_split(value, len(edges) - 1)
    for left, right, part in zip(edges, edges[1:], parts, strict=False):
        strongest = float(part[np.abs(part).argmax()])
        height = round(strongest * scale)
        gap = int(right - left > 2)
        if height > 0:
            picture[middle - height : middle, left : right - gap] = POSITIVE
        elif height < 0:
            picture[middle + 1 : middle + 1 - height, left : right - gap] = NEGATIVE
    return picture
