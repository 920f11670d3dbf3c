"""Conformance of an importer."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from polymodal_core.columns import check_column_name
from polymodal_core.config import ImporterConfig
from polymodal_core.plugins import Registry, registry
from polymodal_core.rows import BadRow, Column, Importer, Row
from polymodal_core.testing.configs import check_config
from polymodal_core.testing.equality import same
from polymodal_core.testing.rules import Rules

NUM_PACKED = 3


def check_importer(config: ImporterConfig, *, installed: Registry | None = None) -> Importer:
    """Hold an importer to the contract, over all of its rows; give it back.

    The first values of every column whose kind is among the plug-ins `installed` (by default in
    this environment) are packed and decoded. Raises ConformanceError that names the rule broken.
    """
    rules = Rules(type(config).__name__)
    check_config(rules, config, ImporterConfig)
    with rules.runs("must build where its files are"):
        importer = config.build()
    columns = _check_columns(rules, importer)
    number = 0
    known = _Known(rules, columns)
    for row, again in zip_longest(importer.rows(), importer.rows()):
        number += 1
        if not same(row, again):
            rules.require(
                False,
                "rows must come in the same order every time, so that a pack can be resumed",
                f"row {number} is {row!r:.100}, then {again!r:.100}",
            )
        known.check(row, number)
    rules.require(number > 0, "must yield rows", "there is none")
    rules.require(
        importer.total is None or importer.total == number,
        "total must be the number of rows, or None",
        f"it is {importer.total}, there are {number}",
    )
    _check_values(rules, importer, known, registry() if installed is None else installed)
    return importer


def _check_columns(rules: Rules, importer: Importer) -> dict[str, Column]:
    with rules.runs("columns must be known before rows are read"):
        columns = dict(importer.columns)
    rules.require(bool(columns), "must declare columns", "there is none")
    rules.require(
        importer.root is None or isinstance(importer.root, str),
        "root must be a folder as str, or None",
        f"it is {importer.root!r}",
    )
    for name, column in columns.items():
        rules.require(check_column_name(name) is None, f"{check_column_name(name)}")
        rules.require(
            isinstance(column, Column), "columns must be Column values", f"'{name}' is {column!r}"
        )
    return columns


class _Known:
    """What has been seen of each column: the value, and for class columns the label, of each id."""

    def __init__(self, rules: Rules, columns: dict[str, Column]) -> None:
        self.rules = rules
        self.columns = columns
        self.values: dict[str, dict[str, Any]] = {name: {} for name in columns}
        self.labels: dict[tuple[str, str], str | None] = {}

    def check(self, row: Any, number: int) -> None:
        """Check one row against the columns and against the rows before it."""
        require = self.rules.require
        require(isinstance(row, Row | BadRow), "rows must be Row or BadRow", f"row {number}")
        require(bool(row.origin), "a row must say where it comes from (origin)", f"row {number}")
        if isinstance(row, BadRow):
            require(bool(row.message), "a bad row must say what is wrong with it", row.origin)
            return
        require(bool(row.items), "a row must have an item", row.origin)
        require(
            isinstance(row.split, str) and bool(row.split), "a row must have a split", row.origin
        )
        for field in (row.instance, row.label):
            require(
                field is None or (isinstance(field, str) and bool(field)),
                "instance and label must be names, or None where unknown",
                f"{row.origin}: {field!r}",
            )
        for name, item in row.items.items():
            require(name in self.columns, "items must be of a declared column", f"'{name}'")
            require(isinstance(item.id, str) and bool(item.id), "an item needs an id", row.origin)
            require(
                same(self.values[name].setdefault(item.id, item.value), item.value),
                "an id must stand for one value in its column",
                f"{row.origin}: '{item.id}' of column '{name}' has two",
            )
            if self.columns[name].of_classes:
                require(
                    self.labels.setdefault((name, item.id), row.label) == row.label,
                    "an item of a class column must stand for one class",
                    f"{row.origin}: '{item.id}' of column '{name}' has two labels",
                )


def _check_values(rules: Rules, importer: Importer, known: _Known, installed: Registry) -> None:
    for name, column in known.columns.items():
        if column.kind not in installed.names("modality"):
            continue
        with rules.runs(f"the options of column '{name}' must be options of '{column.kind}'"):
            modality = installed.modality(column.kind).model_validate(dict(column.options)).build()
        for value in list(known.values[name].values())[:NUM_PACKED]:
            with rules.runs(f"values of column '{name}' must be packed by '{column.kind}'"):
                modality.decode(modality.pack(value, importer.root))
