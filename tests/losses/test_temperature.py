"""Limits of the temperature."""

from __future__ import annotations

import math

import pytest
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.temperature import MAX_LOGIT_SCALE, check_temperature, temperature_of


def test_the_limit_itself_is_accepted() -> None:
    check_temperature(1 / MAX_LOGIT_SCALE, learnable=True)
    check_temperature(1e-6, learnable=False)


@pytest.mark.parametrize(
    ("temperature", "learnable"),
    [(0.0, False), (-1.0, True), (float("nan"), False), (0.0099, True)],
)
def test_others_are_refused(temperature: float, learnable: bool) -> None:
    with pytest.raises(ObjectiveError, match=f"temperature is {temperature}"):
        check_temperature(temperature, learnable=learnable)


def test_a_log_scale_that_was_thrown_away_is_an_infinite_temperature() -> None:
    assert temperature_of(math.log(4)) == 0.25
    assert temperature_of(-1e9) == math.inf
    assert temperature_of(1e9) == 0.0
