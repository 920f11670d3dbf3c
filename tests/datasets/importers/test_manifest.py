from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from polymodal_datasets.importers.manifest import ManifestConfig, TableFile
from pydantic import ValidationError


def test_a_table_may_be_a_name_alone() -> None:
    config = ManifestConfig.model_validate(
        {"root": "x", "table": "t.csv", "joins": [{"table": "j.csv", "on": "{a}"}]}
    )
    assert config.table == TableFile(file="t.csv")
    assert config.joins[0].table == TableFile(file="j.csv")
    assert ManifestConfig.kind_name() == "manifest"


@pytest.mark.parametrize(
    "options",
    [
        {"table": {"file": "t.csv", "delimiter": ";;"}},
        {"table": {"file": "t.csv", "delimiter": ""}},
        {"columns": {"text": {"separator": ""}}},
        {"joins": [{"table": "j.csv", "on": "{a}", "tolerance": -1}]},
        {"column": {}},
    ],
)
def test_senseless_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ManifestConfig.model_validate({"root": Path(), **options})


@pytest.mark.parametrize("module", ["manifest", "flickr8k", "cub"])
def test_configurations_import_nothing_heavy(module: str) -> None:
    code = (
        f"import sys, polymodal_datasets.importers.{module}\n"
        "print([name for name in ('torch', 'numpy', 'pyarrow', 'lmdb') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
