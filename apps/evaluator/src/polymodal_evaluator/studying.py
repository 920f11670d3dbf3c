"""From a study's folder to its tables: what lacks a report is evaluated first."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from polymodal_core.checkpoint import STATE
from polymodal_core.errors import PolymodalError, RunError
from polymodal_core.plugins import Registry, registry
from polymodal_core.recipe import override, read_toml, write_toml
from polymodal_core.run import RunFolder
from polymodal_eval.comparison.reports import Report, read_report
from polymodal_eval.config import evaluation_config
from polymodal_eval.report.files import JSON, QUERIES
from polymodal_eval.study.file import FILE, Study, parse_study
from polymodal_eval.study.fill import fill
from polymodal_eval.study.states import newest_checkpoint, run_state
from polymodal_eval.study.written import StudyReport, write_study

from polymodal_evaluator.display import Display
from polymodal_evaluator.study_tables import show_tables

Table = dict[str, Any]


@dataclass(frozen=True)
class StudyRequest:
    """What the user asked for."""

    folder: Path
    settings: tuple[str, ...] = ()
    out: Path | None = None
    device: str = "auto"
    resamples: int = 1000
    seed: int = 0
    quiet: bool = False


@dataclass
class _Runs:
    """What became of the runs: reports by folder name, or why there is none."""

    reports: dict[str, Report] = field(default_factory=dict)
    lacking: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def evaluate_study(request: StudyRequest) -> int:
    """Evaluate the finished runs whose report is missing or old, and write the study's tables.

    Gives the exit code: 2 where a run could not be evaluated, the tables being made of the others.
    Raises PolymodalError for a folder that is no study, and where no run has a report.
    """
    display = Display(quiet=request.quiet)
    study = open_study(request.folder)
    _check_settings(request.settings)
    runs = _evaluated(request, study, display)
    if not runs.reports:
        reasons = dict.fromkeys(runs.lacking.values())
        raise PolymodalError(
            f"{request.folder}: no run to report on ({'; '.join(reasons)}); train the study with "
            f"`polymodal-train study {request.folder}`"
        )
    tables = fill(study, runs.reports, runs.lacking, resamples=request.resamples, seed=request.seed)
    report = StudyReport(
        name=request.folder.resolve().name,
        study=study,
        tables=tables,
        reports=runs.reports,
        lacking=runs.lacking,
        evaluation={
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": shlex.join(["polymodal-evaluate", *sys.argv[1:]]),
            "resamples": request.resamples,
            "seed": request.seed,
            "versions": {name: version(name) for name in ("polymodal-eval", "polymodal-evaluator")},
        },
        source=write_toml(study.table),
    )
    show_tables(display, tables)
    _say_lacking(display, runs.lacking, len(study.runs), request.folder)
    out = request.folder if request.out is None else request.out
    page = write_study(out, report)
    display.say(f"study: {page}  (with study.json)")
    return 2 if runs.failed else 0


def open_study(folder: Path) -> Study:
    """Read the study of a folder; raises RunError where there is none."""
    if not (folder / FILE).is_file():
        hint = ""
        if (folder / "recipe.toml").is_file():
            hint = f"; it is a run: `polymodal-evaluate run {folder}`"
        raise RunError(f"{folder}: no study here ({FILE} is missing){hint}")
    return parse_study(read_toml(folder / FILE), source=str(folder / FILE))


def _check_settings(settings: tuple[str, ...]) -> None:
    for setting in settings:
        if setting.strip().partition(".")[0] not in ("evaluation", "data"):
            raise PolymodalError(
                f"--set {setting}: an evaluation changes keys of [evaluation], and data.store"
            )


def _evaluated(request: StudyRequest, study: Study, display: Display) -> _Runs:
    plugins = registry()
    found = _Runs()
    for number, run in enumerate(study.runs, start=1):
        folder = request.folder / run.folder
        title = f"run {number} of {len(study.runs)}: {run.folder}"
        recipe = study.recipes[number - 1]
        try:
            state = run_state(folder)
            if state.finished is None:
                found.lacking[run.folder] = "not trained" if state.missing else str(state)
                continue
            table = evaluation_table(recipe, request.settings, plugins)
            reason = outdated(folder, table)
            if reason:
                display.show(f"\n{title}: {reason}")
                _evaluate(folder, recipe, request, display)
            found.reports[run.folder] = read_report(folder)
        except (PolymodalError, OSError) as error:
            found.failed[run.folder] = found.lacking[run.folder] = str(error)
            display.warn(f"{run.folder}: {error}")
    return found


def _evaluate(folder: Path, recipe: Table, request: StudyRequest, display: Display) -> None:
    from polymodal_evaluator.evaluate import Request, evaluate

    evaluate(
        Request(
            folder,
            settings=request.settings,
            evaluation=recipe.get("evaluation", {}),
            device=request.device,
            quiet=True,
        )
    )


def evaluation_table(recipe: Table, settings: tuple[str, ...], plugins: Registry) -> Table:
    """Give the `[evaluation]` that a run is to be evaluated by, defaults filled in."""
    given = override({"evaluation": recipe.get("evaluation", {})}, settings)["evaluation"]
    config = evaluation_config(plugins).model_validate(given)
    return config.model_dump(mode="json", exclude_none=True)


def outdated(folder: Path, evaluation: Mapping[str, Any]) -> str:
    """Say why a run has to be evaluated (again); empty where its report is up to date."""
    report = folder / JSON
    if not report.is_file() or not (folder / QUERIES).is_file():
        return "no report"
    checkpoint = newest_checkpoint(folder)
    if (checkpoint / STATE).stat().st_mtime > report.stat().st_mtime:
        return "the report is older than the checkpoint"
    try:
        content = json.loads(report.read_text(encoding="utf-8"))
        recorded = content["recipe"]["evaluation"]
        read_report(folder)
    except (ValueError, KeyError, TypeError, PolymodalError):
        return "a damaged or older report"
    if _plain(recorded) != _plain(evaluation):
        return "the report is of another evaluation"
    named = content["run"].get("checkpoint")
    wanted = RunFolder(folder).checkpoint().name
    return "" if named == wanted else f"the report is of checkpoint {named}"


def _plain(table: Mapping[str, Any]) -> Any:
    # Without what is left out, as reports keep it; loading does not change a number.
    def cleaned(value: Any) -> Any:
        if isinstance(value, Mapping):
            items = ((key, cleaned(item)) for key, item in value.items() if item is not None)
            return {key: item for key, item in items if key not in ("workers", "batch_size")}
        if isinstance(value, list | tuple):
            return [cleaned(item) for item in value]
        return value

    return cleaned(table)


def _say_lacking(display: Display, lacking: Mapping[str, str], count: int, folder: Path) -> None:
    if not lacking:
        return
    reasons: dict[str, list[str]] = {}
    for name, reason in lacking.items():
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        display.show(f"without a report, {reason}: {', '.join(names)}")
    display.show(f"{count - len(lacking)} of {count} runs are in the tables")
    if "not trained" in reasons:
        display.show(f"train the others with `polymodal-train study {folder}`")
