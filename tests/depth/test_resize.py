from __future__ import annotations

import numpy as np
from polymodal_depth.resize import resize_depth

from tests.depth.maps import ramp, with_holes


def test_whole_readings_are_averaged_by_area() -> None:
    values = ramp(32, 32)
    found, valid = resize_depth(values, box=(0, 0, 32, 32), size=8)
    expected = values.reshape(8, 4, 8, 4).astype(np.float64).mean(axis=(1, 3))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert valid.all()


def test_missing_readings_are_left_out_of_the_mean() -> None:
    values = with_holes(32, 32, share=0.45)
    found, validity = resize_depth(values, box=(0, 0, 32, 32), size=8)
    assert set(np.unique(validity)) == {0.0, 1.0}
    valid = validity > 0
    blocks = values.reshape(8, 4, 8, 4).transpose(0, 2, 1, 3).reshape(8, 8, 16).astype(np.float64)
    count = (blocks > 0).sum(axis=2)
    np.testing.assert_array_equal(valid, count >= 8)
    expected = np.where(valid, blocks.sum(axis=2) / np.maximum(count, 1), 0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert found[valid].min() >= 1000
    assert 0 < valid.mean() < 1


def test_mostly_missing_areas_are_missing() -> None:
    values = np.zeros((8, 8), np.uint16)
    values[:, :3] = 2000
    found, valid = resize_depth(values, box=(0, 0, 8, 8), size=1)
    assert not valid.any()
    assert found.tolist() == [[0]]


def test_enlarging_repeats_readings() -> None:
    values = np.array([[1000, 0], [3000, 4000]], np.uint16)
    found, valid = resize_depth(values, box=(0, 0, 2, 2), size=8)
    np.testing.assert_array_equal(found, np.kron(values, np.ones((4, 4))))
    np.testing.assert_array_equal(valid > 0, found > 0)


def test_the_box_is_what_is_seen() -> None:
    found, _ = resize_depth(ramp(32, 32), box=(8, 8, 16, 16), size=8)
    np.testing.assert_allclose(found, ramp(32, 32)[8:16, 8:16], rtol=1e-6)


def test_validity_is_the_mean_confidence_of_the_readings() -> None:
    values = with_holes(32, 32, share=0.3)
    confidence = np.random.default_rng(1).uniform(0.1, 1, values.shape).astype(np.float32)
    confidence[values == 0] = 0
    found, validity = resize_depth(values, box=(0, 0, 32, 32), size=8, confidence=confidence)
    plain, valid = resize_depth(values, box=(0, 0, 32, 32), size=8)
    np.testing.assert_array_equal(found, plain)
    for row in range(8):
        for column in range(8):
            block = np.s_[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            inside = confidence[block][values[block] > 0].astype(np.float64)
            expected = inside.mean() if len(inside) >= 8 else 0
            np.testing.assert_allclose(validity[row, column], expected, rtol=1e-5)
            assert (validity[row, column] > 0) == (valid[row, column] == 1)
