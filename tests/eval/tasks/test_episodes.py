from __future__ import annotations

import numpy as np
import pytest
from polymodal_eval.results import NotApplicable
from polymodal_eval.tasks.classification_config import EpisodesConfig
from polymodal_eval.tasks.episodes import Episodes

from .test_few_shot import noise


def test_the_mean_over_episodes_and_its_interval() -> None:
    task = Episodes(ways=3, shots=(1, 5), queries=4, episodes=100)

    one, five = task(noise(signal=3.0, size=120, classes=6)).measurements

    assert [one.gallery, five.gallery] == [
        "class mean, 3-way 1-shot",
        "class mean, 3-way 5-shot",
    ]
    for line in (one, five):
        found = line.estimates["accuracy"]
        assert found.chance == pytest.approx(1 / 3)
        assert found.above_chance
        assert found.high is not None
        assert found.low is not None
        assert found.high - found.value == pytest.approx(found.value - found.low)
    assert one.estimates["accuracy"].value < five.estimates["accuracy"].value


def test_the_interval_shrinks_with_the_root_of_the_episodes() -> None:
    space = noise(signal=1.0, size=120, classes=6)

    def width(episodes: int) -> float:
        (line,) = Episodes(ways=2, shots=(1,), queries=3, episodes=episodes)(space).measurements
        found = line.estimates["accuracy"]
        assert found.high is not None
        assert found.low is not None
        return found.high - found.low

    assert width(50) / width(800) == pytest.approx(4, rel=0.3)


def test_chance_where_nothing_is_to_be_learned() -> None:
    """Twins that are one instance are never in one episode."""
    task = Episodes(ways=2, shots=(5,), queries=5, episodes=200, methods=("neighbours", "linear"))

    for line in task(noise(signal=0.0, size=240, pairs=True)).measurements:
        assert abs(line.estimates["accuracy"].value - 0.5) < 0.05


def test_too_few_classes_do_not_apply() -> None:
    with pytest.raises(NotApplicable, match=r"3 classes with at least 16 items of image; 5 are"):
        Episodes(shots=(1,))(noise(signal=1.0))


def test_the_episodes_are_the_same_for_every_method_and_repeat() -> None:
    config = EpisodesConfig(ways=3, shots=(2,), queries=3, episodes=20)
    space = noise(signal=2.0)

    first, again = (config.build()(space).measurements for _ in range(2))

    assert [item.estimates for item in first] == [item.estimates for item in again]
    assert np.isfinite(first[0].estimates["accuracy"].value)
