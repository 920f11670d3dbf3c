"""Runs in processes of their own, to be killed; forked, so that torch is not imported again."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from multiprocessing.context import ForkProcess
from pathlib import Path

from polymodal_core.errors import PolymodalError
from polymodal_trainer.run import run

FORK = multiprocessing.get_context("fork")


def fork_run(
    recipe: Path,
    out: Path,
    *settings: str,
    resume: bool = False,
    file_limit: int | None = None,
    said: Path | None = None,
) -> ForkProcess:
    """Start `run` in a child; an error's message goes to `said`, the exit code is the program's."""

    def target() -> None:
        os.setsid()
        if file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
        try:
            code = run(str(recipe), settings=settings, out=out, resume=resume, quiet=True)
        except PolymodalError as error:
            if said is not None:
                said.write_text(str(error))
            code = 2
        os._exit(code)

    child = FORK.Process(target=target)
    child.start()
    return child


def finish(child: ForkProcess, seconds: float = 60) -> int:
    """Wait for a child's end; gives its exit code."""
    child.join(seconds)
    assert not child.is_alive(), "the run hangs"
    assert child.exitcode is not None
    return child.exitcode


def wait_until(ready: Callable[[], bool], child: ForkProcess, seconds: float = 60) -> None:
    """Wait for something that a living child does."""
    end = time.monotonic() + seconds
    while not ready():
        assert child.is_alive(), f"the run has ended with {child.exitcode}"
        assert time.monotonic() < end, "the run does not get there"
        time.sleep(0.002)


def steps_logged(out: Path) -> int:
    """Count the steps in a run's log."""
    log = out / "metrics.jsonl"
    return log.read_text().count('"event": "step"') if log.is_file() else 0
