from __future__ import annotations

import subprocess
import sys

import polymodal_eval
import pytest


def test_every_public_name_is_importable() -> None:
    for name in polymodal_eval.__all__:
        assert getattr(polymodal_eval, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'retreival_metrics'"):
        polymodal_eval.retreival_metrics  # noqa: B018


def test_the_package_itself_costs_nothing_to_import() -> None:
    code = (
        "import sys, polymodal_eval;"
        "print(sorted({'torch', 'numpy', 'pydantic', 'sklearn'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert found.stdout.strip() == "[]"
