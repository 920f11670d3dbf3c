from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from polymodal_depth.colours import FAR, NEAR, NO_READING, colour_depth

from tests.depth.maps import ramp, with_holes


def test_the_colours_are_turbos() -> None:
    depth = np.arange(1000, 2001, dtype=np.uint16)[None]
    expected = 255 * colormaps["turbo"](np.linspace(NEAR, FAR, 1001))[:, :3]
    assert np.abs(colour_depth(depth)[0] - expected).max() < 255 * 0.07


def test_near_is_warm_and_far_is_cold() -> None:
    picture = colour_depth(ramp()).astype(int)
    assert picture.shape == (48, 64, 3)
    near, far = picture[0, 0], picture[0, -1]
    assert near[0] > near[2] + 50
    assert far[2] > far[0] + 50


def test_the_scale_is_the_maps_own() -> None:
    difference = colour_depth(ramp()).astype(int) - colour_depth(ramp(near=10, far=20010))
    assert np.abs(difference).max() <= 2


def test_missing_readings_are_grey_and_change_no_colour() -> None:
    holes = with_holes()
    picture = colour_depth(holes)
    assert (picture[holes == 0] == NO_READING).all()
    assert not (picture[holes > 0] == NO_READING).all(axis=1).any()
    np.testing.assert_array_equal(picture[holes > 0], colour_depth(ramp())[holes > 0])


def test_flat_and_empty_maps_are_shown() -> None:
    flat = colour_depth(np.full((2, 2), 1500, np.uint16))
    assert len(np.unique(flat.reshape(-1, 3), axis=0)) == 1
    assert (colour_depth(np.zeros((2, 2), np.uint16)) == NO_READING).all()
