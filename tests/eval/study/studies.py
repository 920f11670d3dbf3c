"""A study of toy runs on disk: reports of models that differ by objective, columns and seed."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from polymodal_eval.comparison.reports import Report
from polymodal_eval.study.file import Study, parse_study
from polymodal_eval.tasks.enrichment import Enrichment
from polymodal_eval.tasks.retrieval import Retrieval
from polymodal_eval.tasks.zero_shot import ZeroShot

from tests.eval.comparison.saved import saved
from tests.eval.worlds import scenes

STUDY = """
[recipe.modalities]
image = {}
text = {}
prototypes = {}
[grid]
seed = [0, 1]
[grid.objective]
A = { objective = { kind = "pcmc" } }
B = { objective = { kind = "pcmr" } }
[grid.columns]
"I+T" = { columns = ["image", "text"] }
all = { columns = ["image", "text", "prototypes"] }
"""


def study_of(tables: str = "", *, grid: str = STUDY) -> Study:
    return parse_study(tomllib.loads(grid + tables), source="study.toml")


def evaluated(folder: Path, study: Study, *, size: int = 20, **changes: Any) -> dict[str, Report]:
    """Reports of every run, each of a model of its own on the same data."""
    found = {}
    for number, run in enumerate(study.runs):
        space = scenes(size=size, classes=5, seed=number)
        results = [Retrieval()(space), ZeroShot()(space), Enrichment()(space)]
        found[run.folder] = saved(folder / run.folder, results, space, **changes)
    return found
