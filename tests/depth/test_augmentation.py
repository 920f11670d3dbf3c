"""What training takes away from maps: how much, from how many, and never what was not there."""

from __future__ import annotations

import numpy as np
import pytest
from polymodal_depth.augmentation import Example, coarsen, occlude

from tests.depth.maps import ramp, with_holes
from tests.depth.test_modality import example, modality

SIZE = 64


def given(*, holes: bool = False) -> Example:
    value = with_holes(SIZE, SIZE) if holes else ramp(SIZE, SIZE)
    return example(modality(size=SIZE), value, training=False)


def occluded(seed: int, *, area: tuple[float, float] = (0.05, 0.25), rate: float = 1.0) -> Example:
    return occlude(given(), np.random.default_rng(seed), probability=rate, area=area)


def coarse(seed: int, *, rate: float = 1.0, coarsest: float = 4.0, holes: bool = False) -> Example:
    return coarsen(
        given(holes=holes), np.random.default_rng(seed), probability=rate, coarsest=coarsest
    )


def test_rectangles_hide_depth_and_validity_alike() -> None:
    for seed in range(50):
        found = occluded(seed)
        hidden = found[1] == 0
        assert hidden.any()
        assert not found[:, hidden].any()
        np.testing.assert_array_equal(found[:, ~hidden], given()[:, ~hidden])


def test_the_area_is_as_asked() -> None:
    shares = np.array([(occluded(seed, area=(0.1, 0.3))[1] == 0).mean() for seed in range(400)])
    assert shares.max() < 0.31
    assert np.quantile(shares, 0.05) > 0.07  # rectangles may overlap
    assert shares.mean() == pytest.approx(0.2, abs=0.02)
    wide = [(occluded(seed, area=(0.9, 0.9))[1] == 0).mean() for seed in range(40)]
    assert max(wide) == pytest.approx(0.9, abs=0.02)


def test_rectangles_lie_anywhere() -> None:
    places = np.mean([occluded(seed)[1] == 0 for seed in range(500)], axis=0)
    assert (places > 0).mean() > 0.98
    assert places.max() < 0.4


def test_occlusion_meets_the_share_of_maps_asked_for() -> None:
    hit = [(occluded(seed, rate=0.3)[1] == 0).any() for seed in range(1000)]
    assert np.mean(hit) == pytest.approx(0.3, abs=0.04)


def test_a_coarser_map_repeats_readings_of_the_map() -> None:
    counts = []
    for seed in range(50):
        found = coarse(seed)
        assert found[1].all()
        assert np.isin(found[0], given()[0]).all()
        counts.append(len(np.unique(found[0, 0])))
        # A cell is the same all over, and near what was there.
        assert np.abs(found[0] - given()[0]).max() < 4 * (0.4 / SIZE)
    assert min(counts) >= SIZE / 4
    assert len(set(counts)) > 20


def test_a_coarser_map_fills_no_hole() -> None:
    shares = []
    for seed in range(30):
        found = coarse(seed, holes=True)
        before = given(holes=True)
        assert not (found[1][before[1] == 0]).any()
        assert not found[0][found[1] == 0].any()
        shares.append(found[1].mean() / before[1].mean())
    assert 0 < min(shares) < 0.8
    assert max(shares) <= 1


def test_resolution_drops_out_of_the_share_of_maps_asked_for() -> None:
    hit = [(coarse(seed, rate=0.4)[0] != given()[0]).any() for seed in range(1000)]
    assert np.mean(hit) == pytest.approx(0.4, abs=0.05)


def test_the_last_reading_stays() -> None:
    lonely = np.zeros((2, 8, 8), np.float32)
    lonely[:, 3, 5] = 1
    for seed in range(60):
        rng = np.random.default_rng(seed)
        assert occlude(lonely, rng, probability=1.0, area=(0.8, 0.9))[1].any()
        assert coarsen(lonely, rng, probability=1.0, coarsest=8.0)[1].any()


def test_the_given_map_is_left_alone() -> None:
    first = given()
    occlude(first, np.random.default_rng(0), probability=1.0, area=(0.2, 0.3))
    coarsen(first, np.random.default_rng(0), probability=1.0, coarsest=4.0)
    np.testing.assert_array_equal(first, given())
