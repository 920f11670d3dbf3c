"""From two sides of evaluated runs to a table of their differences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from polymodal_core.errors import PolymodalError, suggest
from polymodal_eval.comparison.compare import Comparison, compare
from polymodal_eval.comparison.document import comparison_document
from polymodal_eval.comparison.reports import Report, read_report
from polymodal_eval.report.files import JSON

from polymodal_evaluator.comparison_tables import show_comparison
from polymodal_evaluator.display import Display

FILE = "compare.json"


@dataclass(frozen=True)
class CompareRequest:
    """What the user asked for: the runs of both sides, one each where `against` is empty.

    `metric` is shown instead of each task's first.
    """

    runs: tuple[Path, ...]
    against: tuple[Path, ...] = ()
    metric: str | None = None
    out: Path | None = None
    resamples: int = 1000
    seed: int = 0
    quiet: bool = False


def compare_runs(request: CompareRequest) -> Comparison:
    """Compare, print the tables, and write compare.json where the user wants it."""
    first, second = sides(request.runs, request.against)
    display = Display(quiet=request.quiet)
    found = compare(
        reports_of(first), reports_of(second), resamples=request.resamples, seed=request.seed
    )
    _check_metric(found, request.metric)
    show_comparison(display, found, metric=request.metric)
    if request.out is not None:
        path = _target(request.out)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(comparison_document(found), indent=1, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")
        display.say(f"comparison: {path}")
    return found


def sides(
    runs: Sequence[Path], against: Sequence[Path]
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Tell both sides apart: two runs, or any number of them with `--against`."""
    if against:
        return tuple(runs), tuple(against)
    if len(runs) != 2:
        given = f"{len(runs)} runs were" if len(runs) != 1 else "1 run was"
        raise PolymodalError(
            f"{given} given; wanted two, or several on either side: compare RUN [RUN ...] "
            f"--against RUN [--against RUN ...]"
        )
    return (runs[0],), (runs[1],)


def reports_of(folders: Sequence[Path]) -> list[Report]:
    """Read the reports of a side; a folder without one stands for all evaluated runs in it."""
    found: list[Report] = []
    for folder in folders:
        inside = sorted(path.parent for path in folder.glob(f"*/{JSON}"))
        alone = (folder / JSON).is_file() or not inside
        found += [read_report(path) for path in ([folder] if alone else inside)]
    repeated = {report.folder.resolve() for report in found}
    if len(repeated) < len(found):
        raise PolymodalError("a run is named twice on one side; name each once")
    return found


def _target(out: Path) -> Path:
    return out if out.suffix == ".json" else out / FILE


def _check_metric(found: Comparison, metric: str | None) -> None:
    known = {part.metric for item in found.compared for part in item.differences}
    if metric is not None and metric not in known:
        raise PolymodalError(f"--metric {metric}: no such metric{suggest(metric, known)}")
