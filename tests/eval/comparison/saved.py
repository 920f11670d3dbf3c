"""Evaluated runs on disk, without their page, for the tests of comparisons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from polymodal_eval.comparison.reports import Report, read_report
from polymodal_eval.report.document import document
from polymodal_eval.report.evaluated import Evaluated
from polymodal_eval.report.records import write_queries
from polymodal_eval.results import TaskResult
from polymodal_eval.space import Space
from polymodal_eval.tasks.retrieval import Retrieval
from polymodal_eval.tasks.zero_shot import ZeroShot

from tests.eval.worlds import scenes


def saved(
    folder: Path,
    results: list[TaskResult],
    *spaces: Space,
    store: str = "abc",
    others: dict[str, str] | None = None,
    **changes: Any,
) -> Report:
    """Write a report of results in spaces; `others` are fingerprints of other stores by name."""
    more = {name: {"path": f"/data/{name}", "fingerprint": x} for name, x in (others or {}).items()}
    evaluated = Evaluated(
        folder.name,
        results,
        {space.split: space for space in spaces},
        run={"checkpoint": "best"},
        store={"path": "/data/rooms", "fingerprint": store, **({"others": more} if more else {})},
        **changes,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(document(evaluated)), encoding="utf-8")
    write_queries(folder / "queries.parquet", results)
    return read_report(folder)


def run(folder: Path, *, seed: int, size: int = 24, **changes: Any) -> Report:
    """A run of retrieval and zero-shot classification; other seeds are other models."""
    space = scenes(size=size, classes=6, seed=seed)
    return saved(folder, [Retrieval()(space), ZeroShot()(space)], space, **changes)
