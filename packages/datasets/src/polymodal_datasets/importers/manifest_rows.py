"""Rows of a manifest: each record of the table with its joins, its items, and its roles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any

from polymodal_core.rows import BadRow, Column, Item, Row

from polymodal_datasets.importers.cells import BadCell, without_markers
from polymodal_datasets.importers.class_means import ClassMeans
from polymodal_datasets.importers.column_source import ColumnSource
from polymodal_datasets.importers.dealt_splits import Deal, deal
from polymodal_datasets.importers.joins import JoinedTable, bad_row, load_join
from polymodal_datasets.importers.manifest import ManifestConfig
from polymodal_datasets.importers.plan import Plan, make_plan
from polymodal_datasets.importers.tables import Record


class ManifestImporter:
    """Reads the rows of a table that a mapping describes.

    After `rows`, `notes` counts what was left out on the way: records that no joined one matched.
    """

    def __init__(self, config: ManifestConfig, source: str = "manifest") -> None:
        """Check the mapping against the tables; raises RecipeError named after `source`."""
        self._plan = make_plan(config, source)
        self._deal = config.deal
        self.root: str | None = str(config.root)
        self.notes: Mapping[str, int] = {}

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name."""
        return {source.name: source.column for source in self._plan.sources}

    @cached_property
    def total(self) -> int | None:
        """Number of rows, where no cell can hold several values and nothing is joined."""
        plan = self._plan
        if plan.joins or any(source.may_expand for source in plan.sources):
            return None
        singles = [item for item in plan.sources if item.joiner is None and item.form != "vector"]
        return plan.table.count({name for item in singles for name in item.columns})

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield the rows in the table's order, after the bad records of joined tables."""
        plan, wanted = self._plan, self._plan.wanted()
        joined = [
            load_join(
                join.name,
                join.table,
                join.keys,
                wanted={name for name in join.columns if f"{join.name}.{name}" in wanted},
                missing=join.missing,
            )
            for join in plan.joins
        ]
        for table in joined:
            yield from table.bad
        reading = _Reading(plan, joined)
        if self._deal is not None:
            reading.deal(plan.table.records(wanted), self._deal)
        if any(source.average for source in plan.sources):
            reading.average(plan.table.records(wanted))
        for record in plan.table.records(wanted):
            if isinstance(record, BadRow):
                yield record
            else:
                yield from reading.rows_of(record)
        self.notes = {
            f"records of {plan.table.name} without a match in {table.table}": table.unmatched
            for table in joined
            if table.unmatched
        }
        yield from _without_any_match(plan.table.name, joined)


def _without_any_match(main: str, joined: Sequence[JoinedTable]) -> Iterator[BadRow]:
    for table in joined:
        if table.unmatched and not table.matched:
            yield BadRow(
                table.table,
                f"none of the {table.unmatched} records of {main} matches one of these; look at "
                f"`on`, `to` and `tolerance` of the join '{table.name}'",
            )


@dataclass
class _Reading:
    """One reading of the table, with what must be remembered from row to row.

    `lengths`: per column, the length of its vectors and where it was first seen. `values`: per
    column and id, a digest of the value and where it was first seen. `dealt`: splits by record.
    """

    plan: Plan
    joined: Sequence[JoinedTable]
    lengths: dict[str, tuple[int, str]] = field(default_factory=dict)
    values: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)
    means: ClassMeans = field(default_factory=ClassMeans)
    dealt: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str | None] = field(init=False)

    def __post_init__(self) -> None:
        # A value that a joined record gives is one item however many records it is joined to.
        self.owners = {item.name: self._owner(item.columns) for item in self.plan.sources}

    def average(self, records: Iterable[Record | BadRow]) -> None:
        """Read ahead for the means of the classes; what is bad is reported when rows are read."""
        averaged = [source for source in self.plan.sources if source.average]
        for record in records:
            if isinstance(record, BadRow):
                continue
            try:
                cells, _ = self._joined(record)
                label = None if self.plan.label is None else self.plan.label.fill(cells)
                for source in averaged:
                    for item in source.items(cells, origin="", label=label, root=self.plan.root):
                        if label is not None:
                            self.means.add(source.name, label, item.value)
            except BadCell:
                continue
        for table in self.joined:
            table.matched = table.unmatched = 0

    def deal(self, records: Iterable[Record | BadRow], options: Deal) -> None:
        """Read ahead for the labels of a split that is dealt out."""
        origins: list[str] = []
        found: list[tuple[int, str | None]] = []
        for place, record in enumerate(records):
            if isinstance(record, BadRow):
                continue
            try:
                cells, _ = self._joined(record)
                if self._split(cells) != options.split:
                    continue
                label = None if self.plan.label is None else self.plan.label.fill(cells)
                found.append((place, label))
                origins.append(record.origin)
            except BadCell:
                continue
        for table in self.joined:
            table.matched = table.unmatched = 0
        self.dealt = dict(zip(origins, deal(found, options), strict=True))

    def rows_of(self, record: Record) -> list[Row | BadRow]:
        """Give the rows of a record; one bad value costs all of them."""
        origins: dict[str, str] = {}
        try:
            cells, origins = self._joined(record)
            return list(self._combine(record, cells, origins))
        except BadCell as error:
            return [self._located(error, record.origin, origins)]

    def _joined(self, record: Record) -> tuple[dict[str, Any], dict[str, str]]:
        cells = without_markers(record.cells, self.plan.missing)
        origins: dict[str, str] = {}
        for table in self.joined:
            match = table.find(cells)
            if match is not None:
                origins[table.name] = match.origin
                cells.update({f"{table.name}.{key}": cell for key, cell in match.cells.items()})
        return cells, origins

    def _combine(
        self, record: Record, cells: Mapping[str, Any], origins: Mapping[str, str]
    ) -> Iterator[Row]:
        plan = self.plan
        split = self.dealt.get(record.origin) or self._split(cells)
        label = None if plan.label is None else plan.label.fill(cells)
        instance = record.origin if plan.instance is None else plan.instance.fill(cells)
        items: dict[str, list[Item]] = {}
        for source in plan.sources:
            origin = origins.get(self.owners[source.name] or "", record.origin)
            found = source.items(cells, origin=origin, label=label, root=plan.root)
            for item in found:
                self._check(source, item, record.origin)
            if source.average:
                mean = self.means.item(source.name, label)
                found = [] if mean is None else [mean]
            if found:
                items[source.name] = found
        if not items:
            names = ", ".join(source.name for source in plan.sources)
            raise BadCell(f"has no value for any of {names}")
        for number in range(max(len(found) for found in items.values())):
            here = {
                name: found[0] if len(found) == 1 else found[number]
                for name, found in items.items()
                if len(found) == 1 or number < len(found)
            }
            yield Row(here, instance, label, split, record.origin)

    def _split(self, cells: Mapping[str, Any]) -> str:
        split = self.plan.split.fill(cells)
        if split is None:
            raise BadCell("is empty, and says the row's split", self.plan.split.columns)
        if self.plan.splits and split not in self.plan.splits:
            known = ", ".join(f"'{name}'" for name in self.plan.splits)
            raise BadCell(f"'{split}' is in none of [splits]: {known}", self.plan.split.columns)
        return self.plan.splits.get(split, split)

    def _check(self, source: ColumnSource, item: Item, origin: str) -> None:
        if source.form in ("vector", "vector file"):
            here = item.value.shape[-1]
            length, first = self.lengths.setdefault(source.name, (here, origin))
            if here != length:
                raise BadCell(
                    f"{source.name}: {here} numbers, where {first} has {length}",
                    source.columns,
                )
        if source.named_by_value and not source.average:
            value = item.value.encode() if isinstance(item.value, str) else item.value.tobytes()
            digest = blake2b(value, digest_size=8).digest()
            before, first = self.values.setdefault((source.name, item.id), (digest, origin))
            if before != digest:
                raise BadCell(
                    f"{source.name}: '{item.id}' has another value at {first}, and can have one",
                    source.columns,
                )

    def _located(self, error: BadCell, origin: str, origins: Mapping[str, str]) -> BadRow:
        owner = self._owner(error.columns)
        if owner is None or owner not in origins:
            return bad_row(origin, error)
        names = [name.removeprefix(f"{owner}.") for name in error.columns]
        return bad_row(f"{origin}, joined {origins[owner]}", BadCell(error.message, names))

    def _owner(self, columns: Sequence[str]) -> str | None:
        owners = {self.plan.owner(name) for name in columns}
        return owners.pop() if len(owners) == 1 else None
