from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from polymodal_depth.corruptions import CORRUPTIONS, HOLES

from tests.depth.maps import Millimetres, ramp, with_holes

SEVERITIES = (0.0, 0.25, 0.5, 0.75, 1.0)


def damaged(name: str, severity: float, *, value: Millimetres, seed: int = 0) -> Millimetres:
    found: Millimetres = CORRUPTIONS[name](value, severity, np.random.default_rng(seed))
    assert found.shape == value.shape
    assert found.dtype == np.uint16
    return found


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_damage_grows_from_none(name: str, seed: int) -> None:
    value = ramp(96, 120)
    losses = [
        np.abs(damaged(name, severity, value=value, seed=seed).astype(float) - value).mean()
        for severity in SEVERITIES
    ]
    assert losses[0] == 0
    assert all(less < more for less, more in pairwise(losses)), losses
    assert losses[-1] > 300


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_missing_readings_stay_missing(name: str, severity: float) -> None:
    value = with_holes()
    found = damaged(name, severity, value=value)
    assert not found[value == 0].any()
    if name != "holes":
        assert (found[value > 0] > 0).all()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_generator_damages_alike(name: str) -> None:
    first, second = (damaged(name, 0.6, value=ramp(), seed=3) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["holes", "noise"])
def test_random_damage_differs_between_generators(name: str) -> None:
    assert (damaged(name, 0.6, value=ramp()) != damaged(name, 0.6, value=ramp(), seed=1)).any()


def test_holes_take_their_share_in_blocks() -> None:
    found = damaged("holes", 0.5, value=ramp(240, 240))
    assert (found == 0).mean() == pytest.approx(HOLES / 2, abs=0.08)
    blocks = (found == 0).reshape(12, 20, 12, 20)
    np.testing.assert_array_equal(blocks.all(axis=(1, 3)), blocks.any(axis=(1, 3)))


def test_scale_keeps_proportions_and_goes_both_ways() -> None:
    factors = []
    for seed in range(12):
        ratio = damaged("scale", 1.0, value=ramp(), seed=seed) / ramp()
        assert np.ptp(ratio) < 1e-3
        factors.append(round(float(ratio.mean()), 2))
    assert set(factors) == {0.5, 1.5}


def test_the_farthest_reading_never_wraps() -> None:
    far = np.full((8, 8), 65000, np.uint16)
    for name in ("noise", "scale", "quantise"):
        assert damaged(name, 1.0, value=far, seed=2).min() > 10_000
