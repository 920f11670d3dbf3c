"""Depth where there is none: estimated from the picture, with a confidence for each pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from polymodal_core.errors import PolymodalError, ValueRejectedError
from polymodal_core.protocols import Estimated, Estimator

from polymodal_depth.confidence import CERTAIN, encode_estimate
from polymodal_depth.millimetres import FARTHEST, Millimetres

Map = NDArray[np.float32]
Metres = NDArray[np.float64]
PIXELS_PER_ROW = 2000
"""Readings of a map that take part in the calibration, drawn evenly over it."""


@dataclass(frozen=True)
class Scale:
    """How a model's nearness becomes depth: 1 / metres = slope * nearness + offset.

    Depth is cut to `nearest` and `farthest`, in metres: what the calibration has seen.
    """

    slope: float
    offset: float
    nearest: float
    farthest: float

    def metres(self, nearness: NDArray[Any]) -> Metres:
        """Convert predictions of any shape."""
        inverse = self.slope * nearness.astype(np.float64) + self.offset
        return 1 / np.clip(inverse, 1 / self.farthest, 1 / self.nearest)


class DepthEstimator(Estimator):
    """Estimates depth with a network, and how far to trust it by mirroring the picture.

    A picture and its mirror image show the same depth, so where the two estimates disagree one is
    wrong: confidence is the nearer one over the farther one, in 0..1, for each pixel. It says
    nothing of errors that are the same in both; a model that is wrong everywhere alike is trusted.
    """

    def __init__(
        self, network: Callable[[NDArray[np.uint8]], Map], *, metric: bool, name: str
    ) -> None:
        """Estimate by `network`, from pixels to a map of metres, or else of nearness."""
        self._network, self._metric, self._name = network, metric, name
        self._scale: Scale | None = None

    def calibrate(self, pairs: Iterable[tuple[Any, Any]]) -> Mapping[str, Any]:
        """Fit one scale of inverse depth to all pairs of pixels and millimetres, by least squares.

        The scale of a relative model differs from picture to picture; one for all is what a store
        with some true depth can give. A metric model needs none; pairs then tell its error alone.
        Depth that is itself an estimate is left out.
        Gives the scale, the number of pairs and the median relative error on their readings.
        """
        samples = [
            _samples(self._network(pixels), depth) for pixels, depth in pairs if depth.ndim == 2
        ]
        used = [part for part in samples if len(part)]
        known = np.concatenate(used) if used else np.empty((0, 2))
        described: dict[str, Any] = {"pairs": len(used), "metric": self._metric}
        if not self._metric:
            self._scale = self._fitted(known)
            described.update(vars(self._scale))
        if len(known):
            errors = np.abs(self._metres(known[:, 0]) / known[:, 1] - 1)
            described["median_error"] = float(np.median(errors))
        return described

    def estimate(self, value: NDArray[np.uint8]) -> Estimated:
        """Estimate from uint8 [height, width, 3]: millimetres as stored, and confidence.

        The bytes hold the confidence too, in 8 bits (`polymodal_depth.confidence`).
        """
        plain = self._network(value)
        mirrored = self._network(value[:, ::-1])[:, ::-1]
        if not (np.isfinite(plain).all() and np.isfinite(mirrored).all()):
            raise ValueRejectedError(f"model '{self._name}' gives values that are not finite")
        one, other = self._metres(plain), self._metres(mirrored)
        confidence = np.minimum(one, other) / np.maximum(one, other)
        metres = self._metres((plain.astype(np.float64) + mirrored) / 2)
        millimetres: Millimetres = np.clip(np.rint(1000 * metres), 1, FARTHEST).astype(np.uint16)
        grey = np.rint(CERTAIN * confidence).astype(np.uint8)
        return Estimated(encode_estimate(millimetres, grey), confidence.astype(np.float32))

    def _metres(self, predicted: NDArray[Any]) -> Metres:
        if self._metric:
            return np.clip(predicted.astype(np.float64), 0.001, FARTHEST / 1000)
        if self._scale is None:
            raise PolymodalError(f"model '{self._name}' predicts no metres; calibrate it first")
        return self._scale.metres(predicted)

    def _fitted(self, known: Metres) -> Scale:
        if len(known) < 2 or np.ptp(known[:, 0]) == 0:
            raise PolymodalError(
                f"model '{self._name}' predicts nearness without a scale, and there is no true "
                f"depth to take one from; give a store in which some rows of the training split "
                f"have picture and depth, or a model that predicts metres (or say "
                f"--set metric=true, if this one does)"
            )
        design = np.stack((known[:, 0], np.ones(len(known))), axis=1)
        slope, offset = np.linalg.lstsq(design, 1 / known[:, 1], rcond=None)[0]
        if slope <= 0:
            raise PolymodalError(
                f"model '{self._name}': its predictions do not grow with nearness on the "
                f"{len(known)} true readings (slope {slope:.3g}); if it predicts metres, say "
                f"--set metric=true, else it does not fit these pictures"
            )
        return Scale(
            float(slope), float(offset), float(known[:, 1].min()), float(known[:, 1].max())
        )


def _samples(predicted: Map, depth: Millimetres) -> Metres:
    """Pair predictions with readings in metres [samples, 2], looked up at the readings' places."""
    rows, columns = np.nonzero(depth)
    step = max(1, -(-len(rows) // PIXELS_PER_ROW))
    rows, columns = rows[::step], columns[::step]
    # A map may have another size than its picture: the same place in relative coordinates.
    down = (rows * predicted.shape[0]) // depth.shape[0]
    across = (columns * predicted.shape[1]) // depth.shape[1]
    found = np.stack((predicted[down, across], depth[rows, columns] / 1000), axis=1)
    return np.asarray(found[np.isfinite(found).all(axis=1)], dtype=np.float64)
