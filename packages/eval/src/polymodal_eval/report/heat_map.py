"""The heat map of combinations: queries down the side, galleries along the top, as dots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from polymodal_eval.entries import joined

CELL = 24
DOT = 14
"""Sides in pixels of a cell, and of the place of a dot that says which columns a gallery has."""


@dataclass(frozen=True)
class Cell:
    """A share in 0..1 of a pair of combinations; `marked` cells get a ring."""

    query: tuple[str, ...]
    gallery: tuple[str, ...]
    value: float
    title: str
    marked: bool = False


def heat_map(cells: Sequence[Cell], *, label: str) -> Markup:
    """Draw the cells; pairs without one stay empty."""
    rows = list(dict.fromkeys(cell.query for cell in cells))
    columns = list(dict.fromkeys(cell.gallery for cell in cells))
    columns.sort(key=lambda part: rows.index(part) if part in rows else len(rows))
    names = list(dict.fromkeys(name for part in (*columns, *rows) for name in part))
    left = round(6.4 * max((len(joined(part)) for part in rows), default=0)) + 16
    top = DOT * len(names) + 8
    parts = _header(names, columns, left=left)
    for number, row in enumerate(rows):
        place = f'x="{left - 10}" y="{top + number * CELL + 15}" text-anchor="end"'
        parts.append(f'<text class="tick" {place}>{escape(joined(row))}</text>')
    for cell in cells:
        x = left + columns.index(cell.gallery) * CELL
        y = top + rows.index(cell.query) * CELL
        parts += _cell(cell, x, y)
    width, height = left + CELL * len(columns), top + CELL * len(rows)
    return Markup(
        '<svg class="heat" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" '
        'aria-label="{2}">{3}</svg>'
    ).format(width, height, label, Markup("".join(parts)))


def _header(names: Sequence[str], columns: Sequence[tuple[str, ...]], *, left: int) -> list[str]:
    parts = []
    for line, name in enumerate(names):
        y = line * DOT + DOT // 2
        place = f'x="{left - 10}" y="{y + 4}" text-anchor="end"'
        parts.append(f'<text class="tick" {place}>{escape(name)}</text>')
        for number, column in enumerate(columns):
            x = left + number * CELL + (CELL - 2) // 2
            kind = "dot" if name in column else "hole"
            parts.append(f'<circle class="{kind}" cx="{x}" cy="{y}" r="3.6"/>')
    return parts


def _cell(cell: Cell, x: int, y: int) -> list[str]:
    strength = cell.value**0.75
    deep = " deep" if cell.value > 0.55 else ""
    ring = f'<rect class="ring" x="{x + 1}" y="{y + 1}" width="20" height="20" rx="4"/>'
    return [
        f"<g><title>{escape(cell.title)}</title>"
        f'<rect class="sunk" x="{x}" y="{y}" width="22" height="22" rx="5"/>'
        f'<rect class="heat" x="{x}" y="{y}" width="22" height="22" rx="5" '
        f'fill-opacity="{strength:.3f}"/>',
        ring if cell.marked else "",
        f'<text class="share{deep}" x="{x + 11}" y="{y + 15}" text-anchor="middle">'
        f"{100 * cell.value:.0f}</text></g>",
    ]
