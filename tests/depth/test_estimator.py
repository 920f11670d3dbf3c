from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from polymodal_core.errors import PolymodalError, ValueRejectedError
from polymodal_depth.estimator import DepthEstimator
from polymodal_depth.millimetres import decode

Pixels = NDArray[np.uint8]


def picture(seed: int = 0, *, height: int = 12, width: int = 16) -> Pixels:
    return np.random.default_rng(seed).integers(1, 255, (height, width, 3), dtype=np.uint8)


def nearness(pixels: Pixels) -> NDArray[np.float32]:
    """A model that takes red for nearness."""
    return pixels[..., 0].astype(np.float32)


def true_depth(pixels: Pixels, *, slope: float = 0.004, offset: float = 0.1) -> NDArray[np.uint16]:
    """Millimetres of which red is the inverse: 1 / metres = slope * red + offset; some missing."""
    metres = 1 / (slope * pixels[..., 0].astype(np.float64) + offset)
    found = np.rint(1000 * metres).astype(np.uint16)
    found[::3, ::4] = 0
    return found


def estimator(network: Any = nearness, *, metric: bool = False) -> DepthEstimator:
    return DepthEstimator(network, metric=metric, name="m")


def test_a_relative_model_gets_its_scale_from_true_depth() -> None:
    found = estimator()
    described = found.calibrate((picture(n), true_depth(picture(n))) for n in range(5))
    assert described["pairs"] == 5
    assert described["slope"] == pytest.approx(0.004, rel=1e-3)
    assert described["offset"] == pytest.approx(0.1, rel=1e-3)
    assert described["median_error"] < 1e-3
    estimated = found.estimate(picture(9))
    wanted = 1000 / (0.004 * picture(9)[..., 0].astype(np.float64) + 0.1)
    # Nothing is farther or nearer than what the calibration has seen.
    seen = np.concatenate([true_depth(picture(n)).ravel() for n in range(5)])
    wanted = np.clip(wanted, seen[seen > 0].min(), seen.max())
    np.testing.assert_allclose(decode(estimated.payload), wanted, rtol=3e-3)


def test_the_fit_is_least_squares_of_inverse_depth() -> None:
    rng = np.random.default_rng(3)
    pixels = picture(1)
    depth = (true_depth(pixels) * rng.uniform(0.8, 1.2, pixels.shape[:2])).astype(np.uint16)
    described = estimator().calibrate([(pixels, depth)])
    red, inverse = [], []
    for row in range(pixels.shape[0]):
        for column in range(pixels.shape[1]):
            if depth[row, column] > 0:
                red.append(float(pixels[row, column, 0]))
                inverse.append(1000 / float(depth[row, column]))
    slope, offset = np.polyfit(red, inverse, 1)
    assert described["slope"] == pytest.approx(slope, rel=1e-6)
    assert described["offset"] == pytest.approx(offset, rel=1e-6)


def test_a_map_of_another_size_is_looked_up_at_the_same_places() -> None:
    pixels = np.repeat(np.repeat(picture(2), 2, axis=0), 2, axis=1)
    described = estimator().calibrate([(pixels, true_depth(picture(2)))])
    assert described["slope"] == pytest.approx(0.004, rel=1e-3)
    assert described["median_error"] < 1e-3


def test_a_metric_model_needs_no_pairs_and_is_told_its_error() -> None:
    def metres(pixels: Pixels) -> NDArray[np.float32]:
        return (pixels[..., 0] / 50).astype(np.float32)

    found = estimator(metres, metric=True)
    assert found.calibrate([]) == {"pairs": 0, "metric": True}
    depth = np.rint(1250 * metres(picture(0))).astype(np.uint16)
    described = found.calibrate([(picture(0), depth)])
    assert described["median_error"] == pytest.approx(0.2, abs=1e-3)
    estimated = found.estimate(picture(4))
    np.testing.assert_array_equal(
        decode(estimated.payload), np.rint(1000 * metres(picture(4)).astype(np.float64))
    )


def test_confidence_is_agreement_with_the_mirrored_picture() -> None:
    def lopsided(pixels: Pixels) -> NDArray[np.float32]:
        """Right on the left side; twice too far on the right one."""
        found = np.full(pixels.shape[:2], 2.0, np.float32)
        found[:, pixels.shape[1] // 2 :] = 4.0
        return found

    unsure = estimator(lopsided, metric=True).estimate(picture())
    np.testing.assert_allclose(unsure.confidence, 0.5)
    assert unsure.confidence.dtype == np.float32
    assert set(decode(unsure.payload).ravel().tolist()) == {3000}
    sure = estimator(lambda pixels: pixels[..., 0] / np.float32(50), metric=True).estimate(
        picture()
    )
    np.testing.assert_allclose(sure.confidence, 1.0, rtol=1e-6)


def test_estimates_fit_what_can_be_stored() -> None:
    far = estimator(lambda pixels: np.full(pixels.shape[:2], 1e9, np.float32), metric=True)
    assert set(decode(far.estimate(picture()).payload).ravel().tolist()) == {65535}
    near = estimator(lambda pixels: np.full(pixels.shape[:2], -1, np.float32), metric=True)
    assert set(decode(near.estimate(picture()).payload).ravel().tolist()) == {1}


def test_a_model_without_a_scale_is_refused() -> None:
    empty = np.zeros((12, 16), np.uint16)
    for pairs in ([], [(picture(), empty)]):
        with pytest.raises(PolymodalError, match="predicts nearness without a scale, and there is"):
            estimator().calibrate(pairs)
    with pytest.raises(PolymodalError, match="calibrate it first"):
        estimator().estimate(picture())


def test_a_model_that_predicts_something_else_is_refused() -> None:
    backwards = estimator(lambda pixels: -nearness(pixels))
    with pytest.raises(PolymodalError, match=r"do not grow with nearness .*metric=true"):
        backwards.calibrate([(picture(), true_depth(picture()))])
    broken = estimator(lambda pixels: np.full(pixels.shape[:2], np.nan, np.float32), metric=True)
    with pytest.raises(ValueRejectedError, match="values that are not finite"):
        broken.estimate(picture())
