"""The tables of a study on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from polymodal_eval.report.titles import metric_name
from polymodal_eval.study.numbers import interval, number, p_value, printed, spread
from rich.markup import escape
from rich.text import Text

from polymodal_evaluator.display import P_NOTE, UNSURE, UNSURE_NOTE, bare_table

if TYPE_CHECKING:
    from polymodal_eval.study.fill import Filled, FilledTable
    from rich.table import Table

    from polymodal_evaluator.display import Display

PAPER = "paper"
"""Marks what is not ours."""

MOST_CELLS = 4
"""Cells that a reason is said of by name; the others are counted."""


def show_tables(display: Display, tables: Sequence[FilledTable]) -> None:
    """Print every table, its contrast, and why cells are empty; wide tables in parts."""
    if display.quiet:
        return
    for table in tables:
        config = table.layout.config
        blocks = list(_blocks(table, display.console.width))
        for places in blocks:
            _title(display, f"{config.title} {unit_of(table)}")
            display.console.print(study_table(table, places))
        if config.note:
            display.console.print(f"[dim]{escape(config.note)}[/dim]", soft_wrap=True)
        if config.reference or config.others:
            quoted = f"{PAPER}: printed in {config.source}, on its own data and models; not ours"
            display.console.print(f"[dim italic]{escape(quoted)}[/dim italic]", soft_wrap=True)
        for places in blocks if config.contrast is not None else ():
            _title(display, f"less {config.contrast}, query by query (in points)")
            display.console.print(contrast_table(table, places))
        if any(_unsure(cell) for row in table.rows for cell in row.contrasts):
            display.console.print(f"[dim]{UNSURE_NOTE}[/dim]", soft_wrap=True)
        if any(cell and p_value(cell) for row in table.rows for cell in row.contrasts):
            display.console.print(f"[dim]{P_NOTE}[/dim]", soft_wrap=True)
        for reason, cells in table.reasons.items():
            more = f" and {len(cells) - MOST_CELLS} more" if len(cells) > MOST_CELLS else ""
            names = "; ".join(cells[:MOST_CELLS]) + more
            display.console.print(f"[dim]– {escape(names)}: {escape(reason)}[/dim]", soft_wrap=True)


def study_table(table: FilledTable, places: Sequence[int] | None = None) -> Table:
    """Lay out columns of a table: value, interval, range over runs, the paper's number below."""
    config = table.layout.config
    places = range(len(table.layout.columns)) if places is None else places
    found = _started(table, places)
    for row in table.rows:
        found.add_row(escape(row.name), *(_cell(row.cells[place]) for place in places))
        if row.name in config.reference:
            numbers = config.reference[row.name]
            found.add_row(*_quoted(f"  {PAPER}", numbers, places), style="dim italic")
    if config.others:
        found.add_section()
    for name, numbers in config.others.items():
        found.add_row(*_quoted(f"{name} ({PAPER})", numbers, places), style="dim italic")
    return found


def contrast_table(table: FilledTable, places: Sequence[int] | None = None) -> Table:
    """Lay out the paired difference of every row to the table's contrast."""
    name = table.layout.config.contrast or ""
    places = range(len(table.layout.columns)) if places is None else places
    found = _started(table, places)
    for row in table.rows:
        if row.name != name:
            found.add_row(escape(row.name), *(_contrast(row.contrasts[place]) for place in places))
    return found


def _title(display: Display, text: str) -> None:
    # Above the table and not in it: there it would be folded to the width of few columns.
    display.console.print(f"\n[bold]{escape(text)}[/bold]", soft_wrap=True)


def _started(table: FilledTable, places: Sequence[int]) -> Table:
    found = bare_table("")
    found.title = None
    found.add_column("", no_wrap=True)
    for place in places:
        found.add_column(escape(table.layout.columns[place]), justify="right")
    return found


def _blocks(table: FilledTable, width: int) -> Iterator[range]:
    # As many columns as fit side by side, in parts of about one size.
    config, columns = table.layout.config, table.layout.columns
    names = [*table.layout.rows, *(f"{name} ({PAPER})" for name in config.others)]
    texts = [
        line
        for row in table.rows
        for shown in (*map(_cell, row.cells), *map(_contrast, row.contrasts))
        for line in Text.from_markup(shown).plain.splitlines()
    ]
    widest = 3 + max(map(len, (*texts, *columns)))
    most = max(1, (width - 3 - max(map(len, names))) // widest)
    parts = -(-len(columns) // most)
    size = -(-len(columns) // parts)
    for start in range(0, len(columns), size):
        yield range(start, min(start + size, len(columns)))


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
    unit = "points" if all(cell.signed and not cell.relative for cell in cells) else "%"
    return f"({metric_name(metric)}, in {unit})"


def _cell(cell: Filled | None) -> str:
    if cell is None:
        return ""
    if cell.estimate is None:
        return "[dim]–[/dim]"
    lines = [f"[bold]{number(cell)}[/bold]", f"[dim]{interval(cell)}[/dim]"]
    if p_value(cell):
        lines.append(f"[dim]{p_value(cell)}[/dim]")
    if spread(cell):
        lines.append(f"[dim]runs {spread(cell)}[/dim]")
    return "\n".join(line for line in lines if line)


def _contrast(cell: Filled | None) -> str:
    if cell is None or cell.estimate is None:
        return "[dim]–[/dim]"
    lines = [number(cell), interval(cell), p_value(cell), UNSURE if _unsure(cell) else ""]
    first, *others = (line for line in lines if line)
    if _unsure(cell):
        return "[dim]" + "\n".join([first, *others]) + "[/dim]"
    return "\n".join([f"[bold]{first}[/bold]", *(f"[dim]{line}[/dim]" for line in others)])


def _unsure(cell: Filled | None) -> bool:
    return (
        cell is not None and cell.estimate is not None and cell.estimate.distinguishable is not True
    )


def _quoted(name: str, numbers: Sequence[float | None], places: Sequence[int]) -> list[str]:
    return [escape(name), *(printed(numbers[place]) for place in places)]
