from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from polymodal_image.colours import jitter_colours

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
