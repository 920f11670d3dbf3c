"""Templates over a table's columns: `images/{id:06d}.jpg`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polymodal_datasets.importers.cells import BadCell, text_of, texts_of

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|([{}])")
_PADDED = re.compile(r"(.+):0(\d+)d")


@dataclass(frozen=True)
class Slot:
    """A column in braces, and the width to which its number is padded with zeros (0: not)."""

    column: str
    width: int = 0


@dataclass(frozen=True)
class Template:
    """Literal texts and slots in turn."""

    parts: tuple[str | Slot, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns used, in order, each once."""
        return tuple(dict.fromkeys(part.column for part in self.parts if isinstance(part, Slot)))

    def fill(self, cells: Mapping[str, Any]) -> str | None:
        """Give the text for one record; None where a cell is missing. Raises BadCell."""
        texts = []
        for part in self.parts:
            text = part if isinstance(part, str) else _fill_slot(part, cells)
            if text is None:
                return None
            texts.append(text)
        return "".join(texts)

    def fill_each(self, cells: Mapping[str, Any], separator: str | None) -> list[str]:
        """Give one text per value where the template's only column holds several.

        A cell holds several values if it is a list, or a text with `separator`. Empty ones are
        left out. Raises BadCell.
        """
        if len(self.columns) != 1:
            text = self.fill(cells)
            return [] if text is None else [text]
        column = self.columns[0]
        try:
            values = texts_of(cells.get(column), separator)
        except BadCell as error:
            raise BadCell(error.message, (column,)) from None
        filled = [self.fill({column: value}) for value in values]
        return [text for text in filled if text is not None]


def parse_template(text: str) -> Template:
    """Parse a template; raises ValueError for a brace without its partner or without a name."""
    parts: list[str | Slot] = []
    end = 0
    for token in _TOKEN.finditer(text):
        if token[2]:
            raise ValueError(f"'{text}' has a lone '{token[2]}'; a brace itself is written twice")
        if token.start() > end:
            parts.append(text[end : token.start()])
        end = token.end()
        if token[1] is None:
            parts.append(token[0][0])
        elif not token[1].strip():
            raise ValueError(f"'{text}' has braces without a column's name")
        else:
            padded = _PADDED.fullmatch(token[1])
            parts.append(
                Slot(token[1].strip())
                if padded is None
                else Slot(padded[1].strip(), int(padded[2]))
            )
    if end < len(text):
        parts.append(text[end:])
    return Template(tuple(parts))


def _fill_slot(slot: Slot, cells: Mapping[str, Any]) -> str | None:
    try:
        text = text_of(cells.get(slot.column))
    except BadCell as error:
        raise BadCell(error.message, (slot.column,)) from None
    if text is None or not slot.width:
        return text
    try:
        return f"{int(text):0{slot.width}d}"
    except ValueError:
        raise BadCell(f"'{text}' is no whole number to pad with zeros", (slot.column,)) from None
