"""`polymodal-train study`: trains what is missing of a study, and tells what became of each run."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from polymodal_core.errors import PolymodalError, RunError
from polymodal_core.plugins import Registry, registry
from polymodal_core.recipe import Recipe
from polymodal_eval.study.file import Study
from polymodal_eval.study.grid import PlannedRun
from polymodal_eval.study.states import run_state

from polymodal_trainer.lock import RunLock, check_unlocked
from polymodal_trainer.run import Request, train_request
from polymodal_trainer.study.checking import RecipeCheck
from polymodal_trainer.study.folder import begin
from polymodal_trainer.study.source import find_study, read_study

CLAIMS = ".claims"
"""Folder in a study's, with a locked one for every run that a process is at work on."""

INTERRUPTED = 130
FAILED = 2


@dataclass(frozen=True)
class StudyRequest:
    """What was asked for: a study by name, path or folder, and how much to say."""

    given: str
    settings: tuple[str, ...] = ()
    out: Path | None = None
    listing: bool = False
    quiet: bool = False


def study(request: StudyRequest) -> int:
    """Train the runs of a study that are missing or unfinished; gives the exit code.

    All recipes and tables are checked before the first run starts, all problems told at once. A
    run that fails does not stop the others, and one that another process trains is skipped.
    """
    found = find_study(request.given)
    folder = found.folder if request.out is None else request.out
    source = str(found.source.path)
    loaded = registry()
    check = RecipeCheck(loaded)
    planned = read_study(found.source.path, request.settings, check=check)
    if request.listing:
        print(listing(planned, folder))
        return 0
    begin(folder, planned)
    training = _Training(folder, check.recipes, source, loaded, quiet=request.quiet)
    return training.train(planned.runs)


def listing(planned: Study, folder: Path) -> str:
    """Give a line per run: its folder's name, its state, and its variants."""
    width = max(len(run.folder) for run in planned.runs)
    states = [_state(folder / run.folder) for run in planned.runs]
    span = max(map(len, states))
    lines = [
        f"{run.folder:<{width}}  {state:<{span}}  "
        + "; ".join(f"{axis} = {name}" for axis, name in run.choice.items())
        for run, state in zip(planned.runs, states, strict=True)
    ]
    done = sum(state.startswith("finished") for state in states)
    return "\n".join([*lines, f"{done} of {_runs(len(lines))} finished, in {folder}"])


def _state(folder: Path) -> str:
    try:
        state = str(run_state(folder))
    except PolymodalError as error:
        return f"damaged: {error}"
    return f"{state}, in training" if _taken(folder) else state


def _taken(folder: Path) -> bool:
    try:
        check_unlocked(folder.parent / CLAIMS / folder.name)
        check_unlocked(folder)
    except RunError:
        return True
    return False


class _Training:
    """Goes through the runs and keeps count."""

    def __init__(
        self,
        folder: Path,
        recipes: Mapping[str, Recipe],
        source: str,
        loaded: Registry,
        *,
        quiet: bool,
    ) -> None:
        self.folder = folder
        self.recipes = recipes
        self.source = source
        self.registry = loaded
        self.quiet = quiet
        self.trained = self.finished = 0
        self.taken: list[str] = []
        self.failed: dict[str, str] = {}

    def train(self, runs: Sequence[PlannedRun]) -> int:
        """Train one after the other; gives the exit code."""
        for number, run in enumerate(runs, start=1):
            try:
                going_on = self._one(run, f"run {number} of {len(runs)}: {run.folder}")
            except KeyboardInterrupt:
                going_on = False
            if not going_on:
                print(
                    f"interrupted in run {number} of {len(runs)}; go on with "
                    f"`polymodal-train study {self.folder}`"
                )
                return INTERRUPTED
        self._sum_up(len(runs))
        return FAILED if self.failed else 0

    def _one(self, run: PlannedRun, title: str) -> bool:
        """Train a run; False where the user has interrupted it."""
        folder = self.folder / run.folder
        claim: RunLock | None = None
        try:
            claim = _claimed(folder)
            if claim is None:
                return self._skip(run, title)
            state = run_state(folder)
            if state.finished is not None:
                self.finished += 1
                self._say(f"{title}: {state}")
                return True
            self._say(f"\n{title}: {'going on' if not state.missing else 'starting'}")
            request = Request(self.recipes[run.folder], self.source, folder, self.quiet)
            code = train_request(request, resume=not state.missing, registry=self.registry)
            self.trained += code == 0
            return code != INTERRUPTED
        except (PolymodalError, OSError) as error:
            if claim is not None and _locked(folder):
                return self._skip(run, title)
            self._fail(run, str(error))
        except Exception as error:
            # Out of memory, or a defect: it must not cost the other runs.
            traceback.print_exc()
            self._fail(run, f"{type(error).__name__}: {error}")
        finally:
            if claim is not None:
                claim.release()
        return True

    def _has_ended(self, name: str) -> bool:
        try:
            return run_state(self.folder / name).finished is not None
        except PolymodalError:
            return False

    def _skip(self, run: PlannedRun, title: str) -> bool:
        self.taken.append(run.folder)
        self._say(f"{title}: skipped, another polymodal-train is at it")
        return True

    def _fail(self, run: PlannedRun, message: str) -> None:
        self.failed[run.folder] = message
        print(f"error: {run.folder}: {message}", file=sys.stderr)

    def _say(self, text: str) -> None:
        if not self.quiet:
            print(text, flush=True)

    def _sum_up(self, count: int) -> None:
        ended = [name for name in self.taken if self._has_ended(name)]  # while others were trained
        done = self.trained + self.finished + len(ended)
        parts = [f"{done} of {_runs(count)} finished, {self.trained} of them now"]
        if len(self.taken) > len(ended):
            parts.append(f"{_runs(len(self.taken) - len(ended))} left to another process")
        print(f"\n{self.folder}: {'; '.join(parts)}")
        for name, message in self.failed.items():
            print(f"failed: {name}: {message.splitlines()[0]}", file=sys.stderr)
        if self.failed:
            again = f"`polymodal-train study {self.folder}` tries what failed again"
            print(again, file=sys.stderr)
        if done:
            print(f"evaluate it with `polymodal-evaluate study {self.folder}`")


def _claimed(folder: Path) -> RunLock | None:
    """Claim a run for this process from before it has a folder; None where it is taken."""
    place = folder.parent / CLAIMS / folder.name
    place.mkdir(parents=True, exist_ok=True)
    try:
        claim = RunLock(place)
    except RunError:
        return None
    if _locked(folder):  # by a `polymodal-train run`
        claim.release()
        return None
    return claim


def _locked(folder: Path) -> bool:
    try:
        check_unlocked(folder)
    except RunError:
        return True
    return False


def _runs(count: int) -> str:
    return f"{count} run{'s' if count != 1 else ''}"
