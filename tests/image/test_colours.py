from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from polymodal_image.colours import add_noise, jitter_colours

from tests.image.pictures import Pixels, textured


def jittered(value: Pixels, *, strength: float, seed: int = 0) -> Pixels:
    return np.asarray(
        jitter_colours(Image.fromarray(value), np.random.default_rng(seed), strength=strength)
    )


@pytest.mark.parametrize("seed", range(6))
def test_it_is_brightness_then_contrast_then_saturation(seed: int) -> None:
    expected = Image.fromarray(textured())
    factors = np.random.default_rng(seed).uniform(0.8, 1.2, 3)
    for enhancement, factor in zip(
        (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color), factors, strict=True
    ):
        expected = enhancement(expected).enhance(float(factor))
    found = jittered(textured(), strength=0.2, seed=seed).astype(int)
    # The three passes round and cut to 0..255 in between.
    difference = np.abs(found - np.asarray(expected))
    assert np.median(difference) <= 2
    assert difference.max() <= 12


def test_no_strength_changes_nothing() -> None:
    np.testing.assert_array_equal(jittered(textured(), strength=0.0), textured())


def test_generators_decide() -> None:
    first, same, other = (jittered(textured(), strength=0.3, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_grey_stays_grey() -> None:
    grey = np.repeat(textured()[:, :, :1], 3, axis=2)
    found = jittered(grey, strength=0.4).astype(int)
    assert np.ptp(found, axis=2).max() <= 1


def test_noise_has_a_spread_of_up_to_the_share_asked_for() -> None:
    grey = np.full((3, 64, 64), 128, np.uint8)
    found = [add_noise(grey, np.random.default_rng(seed), strength=0.1) for seed in range(200)]
    spreads = np.array([noisy.astype(float).std() / 255 for noisy in found])
    drawn = np.array([np.random.default_rng(seed).uniform(0, 0.1) for seed in range(200)])
    plain = drawn > 0.005  # less is lost in rounding
    # Rounding adds 1/12 to the variance of values in 0..255.
    expected = np.sqrt(np.square(drawn) + 1 / 12 / 255**2)
    np.testing.assert_allclose(spreads[plain], expected[plain], rtol=0.05)
    assert plain.mean() > 0.9
    assert spreads[~plain].max() < 0.01
    assert abs(np.mean([noisy.mean() for noisy in found]) - 128) < 0.1


def test_noise_stays_within_the_range_of_values() -> None:
    ends = np.repeat(np.array([0, 255], np.uint8), 600).reshape(3, 20, 20)
    noisy = add_noise(ends, np.random.default_rng(0), strength=0.5)
    assert noisy.dtype == np.uint8
    # Of noise about the ends, half is cut off, and none comes round at the other end.
    for end in (0, 255):
        assert (noisy[ends == end] == end).mean() == pytest.approx(0.5, abs=0.05)
