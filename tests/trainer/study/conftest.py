"""A study of two objectives and two choices of columns on the vectors' store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trainer.conftest import Vectors, make_store, write_recipe

STUDY = """# A small study for the tests.
[recipe]
base = "tiny.toml"
training.epochs = 2

[grid]
seed = [0]

[grid.objective]
PCMC = { objective = { kind = "pcmc" } }
PCMR = { objective = { kind = "pcmr", rho = 0.5 } }

[grid.columns]
"L+M" = { columns = ["left", "middle"] }
all = { columns = ["left", "middle", "right"] }

[[tables]]
title = "By loss"
where = { columns = "all" }
metric = "r@1"
rows = "objective"
columns = [{ name = "L+M", between = ["left", "middle"] }]
"""


@pytest.fixture(scope="session")
def small_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    counts = {"train": 40, "validation": 12, "test": 16}
    return make_store(tmp_path_factory.mktemp("stores") / "small", Vectors(counts))


@pytest.fixture
def study_file(tmp_path: Path, small_store: Path) -> Path:
    """The path of a study, its base recipe beside it."""
    write_recipe(tmp_path / "tiny.toml", small_store)
    path = tmp_path / "mine.toml"
    path.write_text(STUDY)
    return path
