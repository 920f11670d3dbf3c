from __future__ import annotations

import numpy as np
import pytest
from polymodal_core.geometry import WHOLE, Crop, centre_crop, check_scale, draw_crop


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_box_is_in_the_pixels_of_the_picture() -> None:
    crop = Crop(0.25, 0.5, 0.75, 1.0)
    assert crop.box(160, 120) == (40.0, 60.0, 120.0, 120.0)
    assert WHOLE.box(7, 3) == (0, 0, 7, 3)


@pytest.mark.parametrize("aspect", [0.2, 0.75, 1.0, 4 / 3, 5.0])
def test_every_crop_lies_inside_and_keeps_to_its_ranges(aspect: float) -> None:
    generator = rng()
    areas = []
    for _ in range(500):
        crop = draw_crop(generator, aspect=aspect, scale=(0.3, 0.9), ratio=(0.5, 2.0))
        assert 0 <= crop.left < crop.right <= 1
        assert 0 <= crop.top < crop.bottom <= 1
        width, height = crop.right - crop.left, crop.bottom - crop.top
        shape = aspect * width / height
        assert 0.5 - 1e-9 <= shape <= 2.0 + 1e-9
        largest = min(1.0, shape / aspect) * min(1.0, aspect / shape)
        areas.append(width * height / largest)
    assert 0.3 - 1e-9 <= min(areas) < 0.33
    assert 0.87 < max(areas) <= 0.9 + 1e-9


def test_crops_reach_every_border() -> None:
    generator = rng(1)
    crops = [draw_crop(generator, aspect=1.0, scale=(0.25, 0.25)) for _ in range(400)]
    assert min(crop.left for crop in crops) < 0.02
    assert max(crop.right for crop in crops) > 0.98
    assert min(crop.top for crop in crops) < 0.02
    assert max(crop.bottom for crop in crops) > 0.98


def test_options_do_not_change_how_many_numbers_are_drawn() -> None:
    first, second = rng(), rng()
    draw_crop(first, aspect=1.0)
    draw_crop(second, aspect=2.0, scale=(0.1, 0.2), flip=1.0)
    assert first.random() == second.random()


def test_scale_one_and_ratio_one_give_the_whole_square() -> None:
    assert draw_crop(rng(), aspect=1.0, scale=(1, 1), ratio=(1, 1)) == WHOLE


def test_flip_is_a_probability() -> None:
    generator = rng()
    assert not any(draw_crop(generator, aspect=1.0).flip for _ in range(50))
    assert all(draw_crop(generator, aspect=1.0, flip=1.0).flip for _ in range(50))
    share = np.mean([draw_crop(generator, aspect=1.0, flip=0.3).flip for _ in range(1000)])
    assert share == pytest.approx(0.3, abs=0.05)


def test_centre_crop_is_the_largest_square_in_the_middle() -> None:
    assert centre_crop(aspect=2.0) == Crop(0.25, 0.0, 0.75, 1.0)
    assert centre_crop(aspect=0.5) == Crop(0.0, 0.25, 1.0, 0.75)
    assert centre_crop(aspect=1.0) == WHOLE


@pytest.mark.parametrize("scale", [(0.0, 1.0), (0.5, 0.4), (0.5, 1.1), (-1.0, 1.0)])
def test_a_range_of_areas_that_is_none_is_refused(scale: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="smallest <= largest <= 1"):
        check_scale(scale)
    assert check_scale((0.5, 0.5)) == (0.5, 0.5)
