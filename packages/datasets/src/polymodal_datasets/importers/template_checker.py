"""Checks templates against the columns that tables have, and gathers every problem."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase

from polymodal_core.errors import Problem, suggest

from polymodal_datasets.importers.templates import Slot, Template, parse_template

_MANY = 30


@dataclass
class TemplateChecker:
    """Parses templates over `table`, whose columns are known, and over its joins.

    `joined` gives the columns of each joined table, which templates call `name.column`.
    """

    table: str
    columns: list[str]
    joined: dict[str, list[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def known(self) -> list[str]:
        """Name the columns of the table and, prefixed, of its joins."""
        joined = [f"{name}.{column}" for name, columns in self.joined.items() for column in columns]
        return [*self.columns, *joined]

    def note(self, path: str, message: str) -> None:
        """Remember a problem at a key of the mapping."""
        self.problems.append(Problem(path, message))

    def template(self, text: str, path: str, *, fixed: bool = False) -> Template:
        """Parse a template over table and joins; unless `fixed`, it must use a column."""
        return self._checked(text, path, self.table, self.known(), fixed=fixed)

    def template_over(self, text: str, path: str, table: str, columns: list[str]) -> Template:
        """Parse a template over another table."""
        return self._checked(text, path, table, columns, fixed=False)

    def vector(self, text: str, path: str) -> Template:
        """Parse a template of numbers, `*`, `?` and `[0-9]` expanded to the columns that match."""
        parts: list[str | Slot] = []
        known = self.known()
        parsed = self._parsed(text, path)
        if parsed is None:
            return Template(())
        for part in parsed.parts:
            if isinstance(part, str):
                if part.strip(" ,;"):
                    self.note(path, f"only spaces and commas may stand between columns: '{text}'")
                continue
            names = [part.column] if part.column in known else []
            names = names or [name for name in known if fnmatchcase(name, part.column)]
            if not names:
                hint = nearest(part.column, known)
                self.note(path, f"no column of {self.table} matches '{part.column}'{hint}")
            parts += [Slot(name) for name in names]
        if not parsed.columns:
            self.note(path, f"'{text}' uses no column; write '{{column}}' or '{{prefix_*}}'")
        return Template(tuple(parts))

    def _checked(
        self, text: str, path: str, table: str, known: list[str], *, fixed: bool
    ) -> Template:
        parsed = self._parsed(text, path)
        if parsed is None:
            return Template(())
        for name in parsed.columns:
            if name not in known:
                self.note(path, f"{table} has no column '{name}'{nearest(name, known)}")
        # A fixed split that is spelt as a column is a forgotten pair of braces.
        if not parsed.columns and (not fixed or text in known):
            example = text if text in known else "column"
            self.note(path, f"'{text}' uses no column of {table}; write '{{{example}}}' for a cell")
        return parsed

    def _parsed(self, text: str, path: str) -> Template | None:
        try:
            return parse_template(text)
        except ValueError as error:
            self.note(path, str(error))
            return None


def nearest(name: str, known: Collection[str]) -> str:
    """Suggest a column; of a wide table the nearest alone, not all there are."""
    if len(known) <= _MANY:
        return suggest(name, known)
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(repr(item) for item in close)}?" if close else ""
