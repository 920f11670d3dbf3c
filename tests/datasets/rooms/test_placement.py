from __future__ import annotations

import numpy as np
from polymodal_datasets.rooms.placement import CANDIDATES, place

ROOMS = 4000


def run(uniform: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return place(
        uniform,
        main=np.stack([rng.uniform(-0.4, 0.4, ROOMS), rng.uniform(2.9, 3.4, ROOMS)], axis=1),
        size=size + np.array([0.32, 0, 0, 0, 0]) * np.ones((ROOMS, 1)),
        wanted=np.full(ROOMS, 4),
        camera=np.stack(
            [rng.uniform(-0.3, 0.3, ROOMS), rng.uniform(1.5, 1.75, ROOMS), np.zeros(ROOMS)], axis=1
        ),
        half_width=rng.uniform(2.05, 2.45, ROOMS),
        depth=rng.uniform(4.9, 5.6, ROOMS),
    )


def test_no_room_has_its_large_object_alone_even_where_every_draw_is_bad() -> None:
    # All candidates but the fixed one stand where the large object does.
    middle = np.full((ROOMS, 4, CANDIDATES, 2), 0.5)
    ground, present = run(middle, 0.4)
    assert present[:, :2].all()
    assert not present[:, 2:].any()
    assert (np.abs(ground[:, 1, 0]) > 0.5).all()


def test_objects_that_fit_are_kept() -> None:
    draws = np.random.default_rng(1).random((ROOMS, 4, CANDIDATES, 2))
    _, small = run(draws, 0.1)
    _, large = run(draws, 0.4)
    assert small.sum() > large.sum()
    assert small.mean() > 0.9


def test_no_object_hides_another() -> None:
    draws = np.random.default_rng(2).random((ROOMS, 4, CANDIDATES, 2))
    ground, present = run(draws, 0.3)
    # Even without looking up or down, the centres are apart in the picture or in depth.
    both = present[:, 1] & present[:, 2]
    apart = np.abs(ground[:, 1, 0] / ground[:, 1, 1] - ground[:, 2, 0] / ground[:, 2, 1])
    deeper = np.abs(ground[:, 1, 1] - ground[:, 2, 1])
    assert ((apart > 0.02) | (deeper > 0.3))[both].all()
