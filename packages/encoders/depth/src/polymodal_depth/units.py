"""The unit of a depth source: what one step of its values is, in millimetres."""

from __future__ import annotations

import re

MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
NUMBER = r"\d+(?:\.\d+)?"
PLAIN = re.compile(r"\s*(mm|cm|m)\s*")
SCALE = re.compile(rf"\s*({NUMBER})\s*=\s*({NUMBER})\s*(mm|cm|m)\s*")


def millimetres_per_unit(unit: str) -> float:
    """Read "mm", "cm", "m" or a scale such as "255=10m"; raises ValueError for anything else."""
    plain = PLAIN.fullmatch(unit)
    if plain is not None:
        return MILLIMETRES[plain[1]]
    scale = SCALE.fullmatch(unit)
    if scale is not None and float(scale[1]) > 0 and float(scale[2]) > 0:
        return float(scale[2]) * MILLIMETRES[scale[3]] / float(scale[1])
    raise ValueError(
        f"'{unit}' is no unit of depth; wanted mm, cm, m, or value=length as in 255=10m "
        f"(the value 255 stands for 10 m)"
    )
