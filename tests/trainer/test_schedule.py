"""The learning rate's course."""

from __future__ import annotations

import math

import pytest
from polymodal_trainer.config import TrainingConfig
from polymodal_trainer.schedule import learning_rate_factor, warmup_steps


def factors(total: int, **options: object) -> list[float]:
    config = TrainingConfig.model_validate(options)
    return [learning_rate_factor(step, total, config) for step in range(total)]


def test_warmup_rises_linearly_and_cosine_ends_at_the_floor() -> None:
    course = factors(20, warmup=4, floor=0.1)
    assert course[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert course[4] == 1.0
    expected = [0.1 + 0.9 * (1 + math.cos(math.pi * step / 15)) / 2 for step in range(16)]
    assert course[4:] == pytest.approx(expected)
    assert course[-1] == pytest.approx(0.1)
    assert sorted(course[4:], reverse=True) == course[4:]


def test_constant_schedule_stays_at_the_peak_after_warmup() -> None:
    assert factors(6, warmup=2, schedule="constant") == pytest.approx([1 / 3, 2 / 3, 1, 1, 1, 1])


def test_warmup_as_share_is_taken_of_all_steps() -> None:
    assert warmup_steps(0.05, 200) == 10
    assert warmup_steps(0.0, 200) == 0
    assert warmup_steps(7, 200) == 7


@pytest.mark.parametrize(("total", "warmup"), [(1, 0), (1, 5), (2, 1), (3, 100)])
def test_tiny_runs_have_finite_positive_rates(total: int, warmup: int) -> None:
    course = factors(total, warmup=warmup, floor=0.0)
    assert all(0 <= factor <= 1 for factor in course)
    assert course[0] > 0
