"""The checkpoints of a run: saved, pruned, the best one marked, and restored."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from polymodal_core.checkpoint import (
    Checkpoint,
    load_checkpoint,
    load_weights,
    save_checkpoint,
)
from polymodal_core.errors import CheckpointError, RunError
from polymodal_core.run import RunFolder

from polymodal_trainer.hardness import Hardness
from polymodal_trainer.nonfinite import check_temperature, nonfinite_columns
from polymodal_trainer.optimiser import load_optimizer_tensors, optimizer_tensors
from polymodal_trainer.stages import enter_stage
from polymodal_trainer.start import Setup
from polymodal_trainer.state import TrainingState

REPLACED = ".replaced"


class Checkpoints:
    """Writes a run's checkpoints: `step-00000120` folders, and the link `best` to one of them.

    The newest `keep` are kept, and the best, of earlier stages too (`best-NAME`). A checkpoint is
    whole or not there, and an old one goes only after a new one is on disk. `latest` is the newest
    sound one.
    """

    def __init__(self, run: RunFolder, setup: Setup, hardness: Hardness | None = None) -> None:
        """Find what is there, and clear away what a kill left half written."""
        self._run = run
        self._setup = setup
        self._hardness = hardness
        _clear(run.checkpoints)
        self.latest: Path | None = next(iter(run.steps()[::-1]), None)

    def save(self, state: TrainingState, *, metrics_size: int) -> None:
        """Write a checkpoint of where the run stands.

        Raises CheckpointError where it cannot be written, and RunError where the weights or the
        temperature are not finite; the older ones stay.
        """
        setup = self._setup
        damaged = nonfinite_columns(setup.model)
        if damaged:
            raise RunError(
                f"the weights of {', '.join(damaged)} are not finite any more, so that no "
                f"checkpoint was written"
            )
        check_temperature(setup.objective)
        path = self._run.checkpoints / f"step-{state.step:08d}"
        tensors = {
            "model": setup.model.state_dict(),
            "objective": setup.objective.state_dict(),
            "optimizer": optimizer_tensors(setup.optimizer),
        }
        if self._hardness is not None:
            tensors["neighbours"] = self._hardness.tensors(state)
        with _set_aside(path):
            save_checkpoint(path, Checkpoint(tensors, self._plain(state, metrics_size)))
        self.latest = path
        self._mark_best(state)
        self._prune()

    def restore(self) -> tuple[TrainingState, int]:
        """Load the newest checkpoint into model, objective, optimiser and neighbours.

        Gives the state and the size that `metrics.jsonl` had. Raises CheckpointError for one that
        is damaged or does not fit.
        """
        if self.latest is None:
            raise CheckpointError(f"{self._run.path}: no checkpoint to resume from")
        setup, source = self._setup, str(self.latest)
        loaded = _load(self.latest)
        state = TrainingState.from_plain(dict(loaded.state))
        enter_stage(setup, state.stage)
        load_weights(setup.model, loaded.tensors.get("model", {}), source=source)
        load_weights(setup.objective, loaded.tensors.get("objective", {}), source=source)
        load_optimizer_tensors(setup.optimizer, loaded.tensors.get("optimizer", {}), source=source)
        if setup.precision.scaler is not None:
            setup.precision.scaler.load_state_dict(loaded.state["scaler"])
        if self._hardness is not None:
            self._hardness.load(loaded.tensors.get("neighbours", {}), state, source=source)
        if state.best is not None and not self._path_of(state.best.step).is_dir():
            state.best = None  # deleted by hand: the next validation is the best there is
        self._mark_best(state)
        return state, int(loaded.state["metrics_size"])

    def carry_over(self, state: TrainingState, name: str) -> None:
        """Load the best weights of a stage that has ended, for the next to begin with.

        The link `best` becomes `best-NAME`: what it points at is kept.
        """
        if state.best is None:
            return
        path = self._path_of(state.best.step)
        loaded = _load(path)
        for module, group in ((self._setup.model, "model"), (self._setup.objective, "objective")):
            load_weights(module, loaded.tensors.get(group, {}), source=str(path))
        os.replace(self._run.checkpoints / "best", self._run.checkpoints / f"best-{name}")

    def _plain(self, state: TrainingState, metrics_size: int) -> dict[str, Any]:
        setup = self._setup
        scaler = setup.precision.scaler
        return {
            **state.plain(),
            "metrics_size": metrics_size,
            "scaler": None if scaler is None else scaler.state_dict(),
            "recipe": setup.recipe.table,
            "modalities": dict(setup.states),
            "encoders": setup.encoders,
            "objective": setup.given,
            "plugins": setup.versions,
            "store": setup.store.fingerprint,
        }

    def _path_of(self, step: int) -> Path:
        return self._run.checkpoints / f"step-{step:08d}"

    def _mark_best(self, state: TrainingState) -> None:
        if state.best is None:
            return
        # A link replaces another in one step, where a folder would be gone for a moment.
        link = self._run.checkpoints / "best"
        fresh = self._run.checkpoints / ".best"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self._path_of(state.best.step).name)
        os.replace(fresh, link)

    def _prune(self) -> None:
        best = {link.resolve().name for link in self._run.checkpoints.glob("best*")}
        for path in self._run.steps()[: -self._setup.training.keep]:
            if path.name not in best:
                # Renamed first, so that a kill cannot leave half a checkpoint under its name.
                doomed = path.with_name(f".{path.name}.old")
                path.rename(doomed)
                shutil.rmtree(doomed)


def _load(path: Path) -> Checkpoint:
    try:
        return load_checkpoint(path)
    except CheckpointError as error:
        raise CheckpointError(f"{error}; delete it to resume from the one before") from None


@contextmanager
def _set_aside(path: Path) -> Iterator[None]:
    # An interrupted epoch's last step is saved twice, before its validation and after it.
    aside = path.with_name(f".{path.name}{REPLACED}")
    if path.exists():
        path.rename(aside)
    try:
        yield
    except BaseException:
        if aside.exists():
            aside.rename(path)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _clear(folder: Path) -> None:
    for leftover in folder.glob(".*"):
        owner = folder / leftover.name.removeprefix(".").removesuffix(REPLACED)
        if leftover.name.endswith(REPLACED) and not owner.exists():
            leftover.rename(owner)
        else:
            shutil.rmtree(leftover, ignore_errors=True)
