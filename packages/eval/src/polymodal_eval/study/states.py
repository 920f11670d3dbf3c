"""How far a run of a study has come, read from its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polymodal_core.checkpoint import STATE
from polymodal_core.errors import CheckpointError
from polymodal_core.run import RunFolder


@dataclass(frozen=True)
class RunState:
    """`missing` where no run has begun; `finished` says how it ended, None where it has not."""

    missing: bool = False
    finished: str | None = None
    step: int = 0
    epoch: int = 0

    def __str__(self) -> str:
        """Give the state as people read it."""
        if self.missing:
            return "missing"
        if self.finished is not None:
            return f"finished: {self.finished}"
        return f"unfinished: epoch {self.epoch + 1}, step {self.step}"


def run_state(folder: Path) -> RunState:
    """Read a run's newest checkpoint; raises CheckpointError where it is damaged."""
    run = RunFolder(folder)
    if not run.recipe.is_file():
        return RunState(missing=True)
    steps = run.steps()
    if not steps:
        raise CheckpointError(f"{folder}: no checkpoint in this run; delete the folder")
    try:
        state: dict[str, Any] = json.loads((steps[-1] / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{steps[-1]}: damaged checkpoint: {error}; delete it to resume from the one before"
        ) from None
    finished = state.get("finished")
    return RunState(
        finished=None if finished is None else str(finished),
        step=int(state.get("step", 0)),
        epoch=int(state.get("epoch", 0)),
    )


def newest_checkpoint(folder: Path) -> Path:
    """Give the checkpoint that an evaluation takes: the best, else the newest, links resolved."""
    return RunFolder(folder).checkpoint().resolve()
