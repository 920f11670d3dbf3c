from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from polymodal_image.corruptions import CORRUPTIONS, GREY, OCCLUSION

from tests.image.pictures import textured

SEVERITIES = (0.0, 0.25, 0.5, 0.75, 1.0)


def damage(name: str, severity: float, *, seed: int = 0) -> float:
    damaged = CORRUPTIONS[name](textured(96, 96), severity, np.random.default_rng(seed))
    assert damaged.shape == (96, 96, 3)
    assert damaged.dtype == np.uint8
    return float(np.abs(damaged.astype(float) - textured(96, 96)).mean())


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_damage_grows_from_none(name: str, seed: int) -> None:
    found = [damage(name, severity, seed=seed) for severity in SEVERITIES]
    assert found[0] == 0
    assert all(less < more for less, more in pairwise(found)), found
    assert found[-1] > 15


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_generator_damages_alike(name: str) -> None:
    assert damage(name, 0.6, seed=3) == damage(name, 0.6, seed=3)


@pytest.mark.parametrize("name", ["noise", "occlusion"])
def test_random_damage_differs_between_generators(name: str) -> None:
    assert damage(name, 0.6, seed=3) != damage(name, 0.6, seed=4)


def test_brightness_goes_both_ways() -> None:
    value = textured()
    means = [
        CORRUPTIONS["brightness"](value, 0.5, np.random.default_rng(seed)).mean()
        for seed in range(12)
    ]
    assert min(means) < value.mean() < max(means)


@pytest.mark.parametrize("severity", [0.3, 1.0])
def test_occlusion_hides_its_share(severity: float) -> None:
    value = np.zeros((200, 100, 3), dtype=np.uint8)
    hidden = CORRUPTIONS["occlusion"](value, severity, np.random.default_rng(0)) == GREY
    assert hidden.mean() == pytest.approx(OCCLUSION * severity, abs=0.01)
    assert not value.any()


def test_severity_means_the_same_at_every_resolution() -> None:
    small, large = textured(64, 64), np.kron(textured(64, 64), np.ones((4, 4, 1), dtype=np.uint8))
    rng = np.random.default_rng(0)
    loss = [
        np.abs(CORRUPTIONS["blur"](value, 0.5, rng).astype(float) - value).mean()
        for value in (small, large)
    ]
    assert loss[0] == pytest.approx(loss[1], rel=0.15)
