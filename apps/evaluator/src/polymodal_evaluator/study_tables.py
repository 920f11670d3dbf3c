"""The tables of a study on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polymodal_eval.report.titles import metric_name
from polymodal_eval.study.numbers import interval, number, printed, spread
from rich.markup import escape

from polymodal_evaluator.display import bare_table

if TYPE_CHECKING:
    from polymodal_eval.study.fill import Filled, FilledTable
    from rich.table import Table

    from polymodal_evaluator.display import Display

MOST_CELLS = 4
"""Cells that a reason is said of by name; the others are counted."""


def show_tables(display: Display, tables: Sequence[FilledTable]) -> None:
    """Print every table, its contrast, and why cells are empty."""
    if display.quiet:
        return
    for table in tables:
        display.console.print()
        display.console.print(study_table(table))
        config = table.layout.config
        if config.note:
            display.console.print(f"[dim]{escape(config.note)}[/dim]", soft_wrap=True)
        if config.contrast is not None:
            display.console.print()
            display.console.print(contrast_table(table))
        for reason, cells in table.reasons.items():
            more = f" and {len(cells) - MOST_CELLS} more" if len(cells) > MOST_CELLS else ""
            names = "; ".join(cells[:MOST_CELLS]) + more
            display.console.print(f"[dim]– {escape(names)}: {escape(reason)}[/dim]", soft_wrap=True)


def study_table(table: FilledTable) -> Table:
    """Lay out a table: value, interval, range over runs, and the paper's number below."""
    config = table.layout.config
    found = bare_table(f"{config.title} {unit_of(table)}".rstrip())
    found.add_column("", overflow="fold")
    for name in table.layout.columns:
        found.add_column(escape(name), justify="right")
    for row in table.rows:
        found.add_row(escape(row.name), *(_cell(cell) for cell in row.cells))
        if row.name in config.reference:
            found.add_row(*_quoted(config.source, config.reference[row.name]), style="dim italic")
    if config.others:
        found.add_section()
    for name, numbers in config.others.items():
        found.add_row(*_quoted(f"{name} ({config.source})", numbers, 0), style="dim italic")
    return found


def contrast_table(table: FilledTable) -> Table:
    """Lay out the paired difference of every row to the table's contrast."""
    name = table.layout.config.contrast or ""
    found = bare_table(f"less {name}, query by query (in points)")
    found.add_column("", overflow="fold")
    for column in table.layout.columns:
        found.add_column(escape(column), justify="right")
    for row in table.rows:
        if row.name != name:
            found.add_row(escape(row.name), *(_contrast(cell) for cell in row.contrasts))
    return found


def unit_of(table: FilledTable) -> str:
    """Say what the numbers of a table are, where all are of one metric."""
    cells = [
        cell
        for row in table.rows
        for cell in row.cells
        if cell is not None and cell.estimate is not None
    ]
    metrics = {cell.metric for cell in cells}
    if len(metrics) != 1:
        return "(in %)"
    metric = metrics.pop()
    if metric == "median_rank":
        return "(median rank)"
    return f"({metric_name(metric)}, in {'points' if all(cell.signed for cell in cells) else '%'})"


def _cell(cell: Filled | None) -> str:
    if cell is None:
        return ""
    if cell.estimate is None:
        return "[dim]–[/dim]"
    lines = [f"[bold]{number(cell)}[/bold]", f"[dim]{interval(cell)}[/dim]"]
    if spread(cell):
        lines.append(f"[dim]runs {spread(cell)}[/dim]")
    return "\n".join(line for line in lines if line)


def _contrast(cell: Filled | None) -> str:
    if cell is None or cell.estimate is None:
        return "[dim]–[/dim]"
    if not cell.estimate.distinguishable:
        return f"[dim]{number(cell)}\n{interval(cell)}\nnot distinguishable[/dim]"
    return f"[bold]{number(cell)}[/bold]\n[dim]{interval(cell)}[/dim]"


def _quoted(name: str, numbers: Sequence[float | None], indent: int = 2) -> list[str]:
    return [f"{' ' * indent}{escape(name)}", *(printed(value) for value in numbers)]
