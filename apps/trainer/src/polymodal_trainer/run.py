"""`polymodal-train run`: a new run, or the rest of one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polymodal_core.checkpoint import STATE
from polymodal_core.errors import CheckpointError, RunError
from polymodal_core.plugins import Registry, registry
from polymodal_core.recipe import Recipe, read_toml, write_toml
from polymodal_core.run import RunFolder, open_run

from polymodal_trainer.catalogue import Source, find_recipe
from polymodal_trainer.differences import check_same_recipe
from polymodal_trainer.folder import check_free
from polymodal_trainer.lock import RunLock
from polymodal_trainer.resolve import read_recipe, resolve
from polymodal_trainer.state import check_recorded


@dataclass(frozen=True)
class Request:
    """What was asked for: a recipe, where the run goes, and how much to say."""

    recipe: Recipe
    source: str
    out: Path
    quiet: bool = False


def run(given: str, *, settings: Sequence[str], out: Path | None, resume: bool, quiet: bool) -> int:
    """Train the recipe `given` by name or path; gives the exit code.

    Raises PolymodalError for whatever cannot be used; a run that fails to start leaves nothing.
    """
    source = find_recipe(given)
    folder = _run_folder(given, source, out, resume=resume)
    if not resume:
        check_free(folder)
    loaded = registry()
    recipe = read_recipe(source.path, settings, registry=loaded)
    request = Request(recipe, str(source.path), folder, quiet)
    return train_request(request, resume=resume, registry=loaded)


def train_request(request: Request, *, resume: bool, registry: Registry) -> int:
    """Start a run, or go on with one; gives the exit code."""
    return _resume(request, registry) if resume else _start(request, registry)


def _run_folder(given: str, source: Source, out: Path | None, *, resume: bool) -> Path:
    of_run = Path(given).is_dir() and source.path.name == "recipe.toml"
    if of_run and out is None:
        if not resume:
            raise RunError(
                f"{given} is a run; continue it with --resume, or train its recipe anew with "
                f"`polymodal-train run {source.path} --out FOLDER`"
            )
        return Path(given)
    return Path("runs") / source.name if out is None else out


def _start(request: Request, loaded: Registry) -> int:
    from polymodal_trainer.launch import start

    return start(request, registry=loaded)


def _resume(request: Request, loaded: Registry) -> int:
    run = open_run(request.out)
    lock = RunLock(run.path)
    try:
        recorded = resolve(read_toml(run.recipe), registry=loaded, source=str(run.recipe))
        check_same_recipe(recorded.table, request.recipe.table, run=str(run.path))
        state = _latest_state(run)
        if state["finished"] is not None:
            print(
                f"{run.path} is finished: {state['finished']}; "
                f"evaluate it with `polymodal-evaluate run {run.path}`"
            )
            return 0
        from polymodal_trainer.launch import go_on

        return go_on(request, run, registry=loaded)
    finally:
        lock.release()


def _latest_state(run: RunFolder) -> dict[str, Any]:
    steps = run.steps()
    if not steps:
        raise CheckpointError(f"{run.path}: no checkpoint to resume from")
    try:
        state = check_recorded(json.loads((steps[-1] / STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{steps[-1]}: damaged checkpoint, or one of another version of polymodal-trainer: "
            f"{error}; delete it to resume from the one before"
        ) from None
    return state


def recipe_text(recipe: Recipe) -> str:
    """Give a resolved recipe as it stands in its run folder: the store by its absolute path."""
    data = {**recipe.table["data"], "store": str(Path(recipe.table["data"]["store"]).resolve())}
    return write_toml({**recipe.table, "data": data})
