"""Options of speech."""

from __future__ import annotations

from typing import Any

import pytest
from polymodal_speech.config import SpeechConfig
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 100}, "greater than or equal to 2000"),
        ({"max_seconds": 0.0}, "greater than 0"),
        ({"min_seconds": 2.0, "max_seconds": 1.0}, "min_seconds 2.0 is more than max_seconds 1.0"),
        ({"long": "keep"}, "'refuse' or 'cut'"),
        ({"crop_scale": (0.0, 1.0)}, r"crop_scale \[0\.0, 1\.0\]: wanted"),
        ({"crop_scale": (0.9, 0.8)}, r"crop_scale \[0\.9, 0\.8\]: wanted"),
        ({"crop_scale": (0.9, 1.1)}, r"crop_scale \[0\.9, 1\.1\]: wanted"),
        ({"sample_rate": 8000}, "Extra inputs are not permitted"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SpeechConfig(**options)


def test_options_reach_the_modality() -> None:
    built = SpeechConfig(rate=8000, long="cut", crop_scale=(0.5, 1.0)).build({"anything": 1})
    assert (built.rate, built.cut_long, built.crop_scale) == (8000, True, (0.5, 1.0))
