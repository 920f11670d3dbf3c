"""From a run folder to its report."""

from __future__ import annotations

import platform
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from polymodal_core.config import TaskConfig
from polymodal_core.errors import PolymodalError
from polymodal_core.plugins import Registry, registry
from polymodal_eval.config import default_tasks
from polymodal_eval.evaluation import check_columns, run_tasks
from polymodal_eval.report.evaluated import Evaluated
from polymodal_eval.report.files import write_report
from polymodal_eval.report.training import read_metrics

from polymodal_evaluator.classifying import class_scores
from polymodal_evaluator.display import Display
from polymodal_evaluator.opening import Opened, installed, open_for_evaluation
from polymodal_evaluator.places import Places
from polymodal_evaluator.segmenting import Segmenting
from polymodal_evaluator.training_pairs import trained_pairs

PACKAGES = ("polymodal-core", "polymodal-datasets", "polymodal-eval", "polymodal-evaluator")


@dataclass(frozen=True)
class Request:
    """What the user asked for; `evaluation` stands for the recipe's section of that name."""

    folder: Path
    settings: tuple[str, ...] = ()
    evaluation: Mapping[str, Any] | None = None
    checkpoint: str | None = None
    out: Path | None = None
    device: str = "auto"
    quiet: bool = False


def evaluate(request: Request) -> Path:
    """Evaluate a run, print its tables, and give the path of report.html.

    Whatever can be refused is refused before the first item is embedded.
    """
    began = time.perf_counter()
    display = Display(quiet=request.quiet)
    device = choose_device(request.device)
    if request.out is not None and request.out.exists() and not request.out.is_dir():
        raise PolymodalError(f"--out {request.out} is a file; wanted a folder for the report")
    plugins = registry()
    opened = open_for_evaluation(
        request.folder,
        settings=request.settings,
        evaluation=request.evaluation,
        checkpoint=request.checkpoint,
        registry=plugins,
    )
    for warning in opened.warnings:
        display.warn(warning)
    config = opened.evaluation
    tasks = default_tasks(plugins) if config.tasks is None else list(config.tasks)
    check_columns(tasks, opened.trained.model.columns)
    classify = (
        class_scores(opened, registry=plugins, device=device)
        if _runs(tasks, "classification")
        else None
    )
    segment = (
        Segmenting(opened, registry=plugins, device=device)
        if _runs(tasks, "segmentation")
        else None
    )
    spaces = Places(
        opened, tasks, device=device, bar=display.bar, classify=classify, segment=segment
    )
    display.show(f"{opened.run.path}: checkpoint {opened.checkpoint}, on {device}")
    results = run_tasks(
        tasks,
        spaces,
        split=config.split,
        explicit=config.tasks is not None,
        starting=display.working,
    )
    if not spaces.found:
        raise PolymodalError("there is no task to run; name some in evaluation.tasks")
    for note in spaces.notes:
        display.warn(note)
    pairs = trained_pairs(opened)
    display.results(results, pairs)
    evaluated = Evaluated(
        name=opened.run.path.resolve().name,
        results=results,
        spaces=spaces.found,
        run=_run(opened),
        evaluation=_evaluation(opened, plugins, device=device),
        store=_store(opened, spaces),
        recipe=opened.trained.recipe.table,
        environment=opened.environment,
        metrics=read_metrics(opened.run.metrics),
        warnings=(*opened.warnings, *spaces.notes),
        trained_pairs=pairs,
    )
    folder = opened.run.path if request.out is None else request.out
    display.show("\nwriting the report")
    seconds = {"seconds": round(time.perf_counter() - began, 1)}
    page = write_report(folder, replace(evaluated, evaluation={**evaluated.evaluation, **seconds}))
    display.say(f"report: {page}  (with report.json and queries.parquet)")
    return page


def _runs(tasks: Sequence[TaskConfig], kind: str) -> bool:
    # The objective's package is loaded for the tasks that need it alone.
    return any(task.kind == kind for task in tasks)


def choose_device(device: str) -> str:
    """Give the device that `auto` stands for; raises PolymodalError for one that is not there."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).splitlines()[0]
        raise PolymodalError(
            f"--device {device} cannot be used: {first}. Accepted: auto, cpu, and cuda or cuda:N "
            f"where there is a GPU"
        ) from None
    return device


def _run(opened: Opened) -> dict[str, Any]:
    return {
        "path": str(opened.run.path.resolve()),
        "checkpoint": opened.checkpoint,
        "step": opened.trained.checkpoint.state.get("step"),
        "epoch": opened.trained.checkpoint.state.get("epoch"),
    }


def _store(opened: Opened, places: Places) -> dict[str, Any]:
    store = opened.store
    found = {"path": str(store.path.resolve()), "fingerprint": store.fingerprint}
    return {**found, "others": places.stores} if places.stores else found


def _evaluation(opened: Opened, plugins: Registry, *, device: str) -> dict[str, Any]:
    names = {item.distribution for item in plugins.registrations.values()} | {*PACKAGES}
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["polymodal-evaluate", *sys.argv[1:]]),
        "split": opened.evaluation.split,
        "seed": opened.evaluation.seed,
        "resamples": opened.evaluation.resamples,
        "device": device,
        "system": platform.platform(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            **{name: installed(name) for name in sorted(names)},
        },
    }
