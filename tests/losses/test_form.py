"""Which form computes an objective."""

from __future__ import annotations

import pytest
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.form import check_form, check_matmul_dtype, takes_direct_form


def test_auto_switches_above_the_limit() -> None:
    assert takes_direct_form("auto", 256, limit=256)
    assert not takes_direct_form("auto", 257, limit=256)
    assert takes_direct_form("direct", 10**6, limit=256)
    assert not takes_direct_form("tiled", 1, limit=256)


def test_unknown_options_are_refused() -> None:
    with pytest.raises(ObjectiveError, match="form is 'tile'; wanted one of auto, direct, tiled"):
        check_form("tile")  # type: ignore[arg-type]
    with pytest.raises(ObjectiveError, match="matmul_dtype is 'float16'; wanted bfloat16"):
        check_matmul_dtype("float16", "auto")  # type: ignore[arg-type]
    with pytest.raises(ObjectiveError, match="form is direct, which multiplies in the precision"):
        check_matmul_dtype("bfloat16", "direct")
    check_matmul_dtype("bfloat16", "auto")
    check_matmul_dtype(None, "direct")
