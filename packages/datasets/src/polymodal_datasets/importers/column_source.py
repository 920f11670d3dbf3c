"""Where the items of one column come from: templates over a record, filled to paths or values."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from polymodal_core.rows import Column, Item

from polymodal_datasets.importers.arrays import as_vector, read_vector
from polymodal_datasets.importers.cells import BadCell, numbers_of
from polymodal_datasets.importers.templates import Template

Form = Literal["text", "vector", "path", "text file", "vector file"]


@dataclass(frozen=True)
class ColumnSource:
    """One column of the store: what it is, and the templates that give its items.

    `form` says what the filled `template` is: the value itself, or the path of a file that is
    handed on or read. With `average`, what counts is the mean of these vectors over a class.
    """

    name: str
    column: Column
    form: Form
    template: Template
    entry: Template | None = None
    separator: str | None = None
    joiner: str | None = None
    id: Template | None = None
    average: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the table's columns that are needed."""
        templates = [item for item in (self.template, self.entry, self.id) if item is not None]
        return tuple(dict.fromkeys(name for item in templates for name in item.columns))

    @property
    def may_expand(self) -> bool:
        """Say whether one cell can give several items even where it holds no list."""
        return self.separator is not None and self.joiner is None and self.form != "vector"

    @property
    def named_by_value(self) -> bool:
        """Say whether an item's id could be given to two values: not a path, not a place."""
        return self.id is not None or (self.column.of_classes and self.form in ("text", "vector"))

    def items(
        self, cells: Mapping[str, Any], *, origin: str, label: str | None, root: Path
    ) -> list[Item]:
        """Give the items of a record, none where its cells are empty.

        `origin` names the items of values from cells. Raises BadCell with the table's columns.
        """
        try:
            found = self._found(cells, root)
            base = self._base(cells, origin, label) if found else None
        except BadCell as error:
            raise BadCell(f"{self.name}: {error.message}", error.columns or self.columns) from None
        items = []
        for number, (path, value) in enumerate(found):
            suffix = f"/{number}" if len(found) > 1 else ""
            items.append(Item(path if base is None else f"{base}{suffix}", value))
        return items

    def _base(self, cells: Mapping[str, Any], origin: str, label: str | None) -> str | None:
        if self.id is not None:
            name = self.id.fill(cells)
            if name is None:
                raise BadCell("its id is empty", self.id.columns)
            return name
        if self.form not in ("text", "vector"):
            return None
        if self.column.of_classes:
            if label is None:
                raise BadCell("stands for a class, and the row has no label")
            return label
        return f"{origin}#{self.name}"

    def _found(self, cells: Mapping[str, Any], root: Path) -> list[tuple[str, Any]]:
        match self.form:
            case "text":
                texts = self.template.fill_each(cells, self.separator)
                if self.joiner is not None and texts:
                    texts = [self.joiner.join(texts)]
                return [("", text) for text in texts]
            case "vector":
                numbers = self._numbers(cells)
                return [("", as_vector(numbers, "the vector"))] if numbers else []
            case "path":
                return [(path, path) for path in self._paths(cells, root, self.separator)]
            case "text file":
                return [
                    found
                    for path in self._paths(cells, root, None)
                    for found in self._texts(path, root)
                ]
            case "vector file":
                return self._vectors(cells, root)

    def _vectors(self, cells: Mapping[str, Any], root: Path) -> list[tuple[str, Any]]:
        entry = None if self.entry is None else self.entry.fill(cells)
        if self.entry is not None and entry is None:
            return []
        suffix = "" if entry is None else f"#{entry}"
        # A file may hold all vectors of a class: prototypes take their mean when they are packed.
        several = self.column.of_classes and not self.average
        return [
            (f"{path}{suffix}", read_vector(root / path, entry, several=several))
            for path in self._paths(cells, root, self.separator)
        ]

    def _numbers(self, cells: Mapping[str, Any]) -> list[float]:
        try:
            # One number in each cell, the usual case, and several times as fast.
            single = [float(cells[name]) for name in self.template.columns]
        except (KeyError, TypeError, ValueError):
            single = []
        if single and all(map(math.isfinite, single)):
            return single
        numbers: list[float] = []
        empty = []
        for name in self.template.columns:
            try:
                here = numbers_of(cells.get(name), self.separator)
            except BadCell as error:
                raise BadCell(error.message, (name,)) from None
            if not here:
                empty.append(name)
            numbers += here
        if numbers and empty:
            raise BadCell("is empty, while other numbers of the vector are given", empty)
        return numbers

    def _paths(self, cells: Mapping[str, Any], root: Path, separator: str | None) -> list[str]:
        paths = []
        for text in self.template.fill_each(cells, separator):
            path = posixpath.normpath(text)
            if not _is_file(root / path):
                raise BadCell(f"no such file: {root / path}", self.template.columns)
            paths.append(path)
        return paths

    def _texts(self, path: str, root: Path) -> list[tuple[str, str]]:
        try:
            text = (root / path).read_text(encoding="utf-8-sig").strip()
        except (OSError, UnicodeError) as error:
            raise BadCell(f"{path} cannot be read as UTF-8 text: {error}") from None
        parts = [text] if self.separator is None else text.split(self.separator)
        parts = [part.strip() for part in parts if part.strip()]
        if not parts:
            raise BadCell(f"{path} holds no text")
        if self.joiner is not None:
            parts = [self.joiner.join(parts)]
        if len(parts) == 1:
            return [(path, parts[0])]
        return [(f"{path}#{number}", part) for number, part in enumerate(parts)]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long to be one: a caption where a path should be
        return False
