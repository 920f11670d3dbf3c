"""Limits of the temperature."""

from __future__ import annotations

import pytest
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.temperature import MAX_LOGIT_SCALE, check_temperature


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
