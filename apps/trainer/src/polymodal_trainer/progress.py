"""What a person sees while a run goes: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

PLAIN_SECONDS = 30.0


class Display:
    """Shows a run's progress on standard output; `quiet` leaves warnings and the last words."""

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        """Choose bars or lines by what standard output is."""
        self.console = _console() if console is None else console
        self.quiet = quiet
        self._live = self.console.is_terminal and not quiet
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self._live,
        )
        self._training: TaskID | None = None
        self._said = time.monotonic()

    def __enter__(self) -> Display:
        """Start drawing."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop drawing."""
        self._bars.stop()

    def show(self, text: RenderableType) -> None:
        """Print something worth reading later, unless quiet."""
        if not self.quiet:
            self.console.print(text)

    def warn(self, text: str) -> None:
        """Print a warning, quiet or not."""
        self.console.print(f"[yellow]warning:[/yellow] {_escaped(text)}")

    def say(self, text: str) -> None:
        """Print last words, quiet or not."""
        self.console.print(_escaped(text))

    @contextmanager
    def task(self, name: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Show a bar for a side task while the block runs; gives what advances it."""
        bar = self._bars.add_task(name, total=total, numbers="")
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            self._bars.advance(bar, count)
            if self._overdue():
                self.line(f"{name}: {done}{'' if total is None else f' of {total}'}")

        try:
            yield advance
        finally:
            self._bars.remove_task(bar)

    def begin(self, total: int, done: int) -> None:
        """Start the bar of the whole run."""
        self._training = self._bars.add_task("training", total=total, completed=done, numbers="")

    def step(self, name: str, numbers: str, done: int) -> None:
        """Move the run's bar to `done` steps; where there are no bars, a line now and then."""
        if self._training is not None:
            self._bars.update(self._training, description=name, completed=done, numbers=numbers)
        if self._overdue():
            self.line(f"{name}  step {done}  {numbers}")

    def _overdue(self) -> bool:
        return not self._live and not self.quiet and time.monotonic() - self._said > PLAIN_SECONDS

    def end(self) -> None:
        """Take the bars away, so that what is printed last stays last."""
        if self._training is not None:
            self._bars.remove_task(self._training)
            self._training = None
        self._bars.stop()

    def line(self, text: str) -> None:
        """Print a line of progress that stays, unless quiet."""
        self._said = time.monotonic()
        if not self.quiet:
            self.console.print(_escaped(text))


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")


def _console() -> Console:
    console = Console(highlight=False, soft_wrap=True)
    # A file or a pipe has no width: 80 columns would only cut tables off.
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=120)
