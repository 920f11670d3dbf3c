from __future__ import annotations

import pytest
from polymodal_depth.units import millimetres_per_unit


@pytest.mark.parametrize(
    ("unit", "millimetres"),
    [
        ("mm", 1),
        ("cm", 10),
        ("m", 1000),
        ("255=10m", 10_000 / 255),
        (" 65535 = 10 m ", 10_000 / 65535),
        ("10=1mm", 0.1),
        ("1=2.5cm", 25),
        ("5000=1m", 0.2),
    ],
)
def test_units_are_read(unit: str, millimetres: float) -> None:
    assert millimetres_per_unit(unit) == pytest.approx(millimetres, rel=1e-12)


@pytest.mark.parametrize("unit", ["", "metres", "255", "255=10", "0=10m", "255=0m", "-1=1m", "ft"])
def test_anything_else_is_refused_with_the_grammar(unit: str) -> None:
    with pytest.raises(ValueError, match=r"is no unit of depth; wanted mm, cm, m, .*255=10m"):
        millimetres_per_unit(unit)
