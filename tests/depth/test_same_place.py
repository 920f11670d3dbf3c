"""A row's picture and depth map show the same place, whatever the resolution of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from polymodal_core.plugins import registry

pytest.importorskip("polymodal_image")

SIZE = 32


def place(*, flip: float, seed: int, squash: bool, shape: tuple[int, int]) -> Any:
    """Give where in the scene each output pixel of image and depth comes from, 0..1 across."""
    options: dict[str, Any] = {
        "size": SIZE,
        "flip": flip,
        "crop_scale": (0.2, 0.6),
        "resize": "squash" if squash else "crop",
    }
    image = registry().modality("image").model_validate({"jitter": 0.0, **options}).build()
    depth = registry().modality("depth")(**options).build()
    height, width = shape
    across = (np.arange(4 * width) + 0.5) / (4 * width)
    red = np.rint(255 * across).astype(np.uint8)
    picture = np.zeros((4 * height, 4 * width, 3), np.uint8)
    picture[:, :, 0] = red
    near = (np.arange(width) + 0.5) / width
    metres = np.broadcast_to(np.rint(10_000 * near).astype(np.uint16), (height, width))
    found = [
        modality.transform(
            np.ascontiguousarray(value),
            training=True,
            shared=np.random.default_rng([0, 3, seed]),
            own=np.random.default_rng([0, 3, seed, number]),
        )[0]
        for number, (modality, value) in enumerate(((image, picture), (depth, metres)))
    ]
    return found[0] / 255, found[1]


@pytest.mark.parametrize("squash", [False, True])
@pytest.mark.parametrize("shape", [(64, 64), (60, 80), (90, 60)])
@pytest.mark.parametrize("seed", range(8))
def test_image_and_depth_show_the_same_place(
    seed: int, shape: tuple[int, int], squash: bool
) -> None:
    image, depth = place(flip=0.5, seed=seed, squash=squash, shape=shape)
    assert np.abs(image - depth).max() < 0.02


def test_the_places_differ_between_rows_and_both_ways_round_occur() -> None:
    found = [place(flip=0.5, seed=seed, squash=False, shape=(64, 64))[1] for seed in range(12)]
    assert {bool(depth[0, 0] < depth[0, -1]) for depth in found} == {True, False}
    assert len({round(float(depth[0, 0]), 3) for depth in found}) > 8
