"""Progress bars on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from polymodal_datasets.packer import PackProgress
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

REFRESH = 50
"""Entries between two updates."""


@contextmanager
def pack_progress(total: int | None) -> Iterator[Callable[[PackProgress], None]]:
    """Show entries, items, bad rows and rows per second while packing."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("packing", total=total, counts="")

        def advance(progress: PackProgress) -> None:
            if progress.entries % REFRESH and progress.entries != progress.total:
                return
            packed = progress.entries - progress.resumed
            speed = bar.tasks[task].elapsed or 0.0
            counts = f"{progress.items:,} items"
            if progress.skipped:
                counts += f" · [red]{progress.skipped:,} bad rows[/red]"
            if packed and speed > 1.0:
                counts += f" · {packed / speed:,.0f} rows/s"
            bar.update(task, completed=progress.entries, counts=counts)

        yield advance


@contextmanager
def reading_progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show how many values were read."""
    with Progress(
        TextColumn("reading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("reading", total=total)
        yield lambda position: bar.update(task, completed=position)
