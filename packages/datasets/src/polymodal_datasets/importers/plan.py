"""The plan of a manifest: its mapping checked against its tables, every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from polymodal_core.errors import PolymodalError, Problem, RecipeError
from polymodal_core.plugins import registry

from polymodal_datasets.importers.column_source import ColumnSource
from polymodal_datasets.importers.joins import JoinKeys
from polymodal_datasets.importers.manifest import ColumnMapping, Join, ManifestConfig
from polymodal_datasets.importers.source_checks import check_source, default_key
from polymodal_datasets.importers.tables import Table, open_table, tables_below
from polymodal_datasets.importers.template_checker import TemplateChecker
from polymodal_datasets.importers.templates import Slot, Template, parse_template


@dataclass(frozen=True)
class PlannedJoin:
    """A join whose templates are known to fit both tables."""

    name: str
    table: Table
    keys: JoinKeys
    columns: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Everything that `rows` needs: the table, its joins, and a template per part of a row."""

    root: Path
    table: Table
    missing: tuple[str, ...]
    joins: tuple[PlannedJoin, ...]
    split: Template
    splits: Mapping[str, str]
    instance: Template | None
    label: Template | None
    sources: tuple[ColumnSource, ...]

    def wanted(self) -> set[str]:
        """Name every column that a template uses, those of joins with their prefix."""
        keys = [item for join in self.joins for item in (join.keys.on, join.keys.by_on)]
        templates = [self.split, self.instance, self.label, *keys]
        names = {name for item in templates if item is not None for name in item.columns}
        return names | {name for source in self.sources for name in source.columns}

    def owner(self, column: str) -> str | None:
        """Name the join that a column comes from, None for the main table."""
        for join in self.joins:
            if column.startswith(f"{join.name}.") and column[len(join.name) + 1 :] in join.columns:
                return join.name
        return None


def make_plan(config: ManifestConfig, source: str) -> Plan:
    """Check a complete mapping against its tables.

    Raises RecipeError, named after `source`, with every problem of the mapping; PolymodalError
    where the main table is missing or unreadable.
    """
    if not config.root.is_dir():
        raise PolymodalError(f"no such folder: {config.root}; give the manifest's root")
    if config.table is None or not config.table.file:
        found = tables_below(config.root)
        hint = f"; {config.root} holds {', '.join(found)}" if found else ""
        raise RecipeError([Problem("table", f"is required and not given{hint}")], source=source)
    table = open_table(config.table, config.root)
    names = _names_in(config)
    prefixes = tuple(f"{_name_of(join)}." for join in config.joins)
    check = TemplateChecker(
        table.name, table.columns({name for name in names if not name.startswith(prefixes)})
    )
    joins = [
        _plan_join(join, f"joins.{number}", config, names, check)
        for number, join in enumerate(config.joins)
    ]
    columns = config.columns or _columns_of_header(check)
    plan = Plan(
        root=config.root,
        table=table,
        missing=config.table.missing,
        joins=tuple(join for join in joins if join is not None),
        split=_split(config, check),
        splits=_renamed(config, check),
        instance=_role("instance", config.instance, config, check),
        label=_role("label", config.label, config, check),
        sources=tuple(check_source(name, item, check) for name, item in columns.items()),
    )
    for item in plan.sources:
        if item.column.of_classes and plan.label is None:
            check.note(f"columns.{item.name}.of_classes", "needs a `label`: one item per class")
    if check.problems:
        if len(check.columns) == 1 and any(mark in check.columns[0] for mark in ";\t|"):
            check.note("table", "the header is a single column; is table.delimiter wrong?")
        raise RecipeError(check.problems, source=source)
    return plan


def _names_in(config: ManifestConfig) -> set[str]:
    # In JSONL records differ, and a name may stand beyond the first ones: these are looked for.
    texts = [config.split, config.instance, config.label, *(join.on for join in config.joins)]
    for name, column in config.columns.items():
        texts += [column.path, column.value, column.vector, column.entry, column.id]
        if column.path is None and column.value is None and column.vector is None:
            texts.append(f"{{{name}}}")
    names: set[str] = set()
    for text in texts:
        try:
            names.update(() if text is None else parse_template(text).columns)
        except ValueError:
            continue  # reported where the template is checked
    return {name for name in names if not set(name) & set("*?[")}


def _name_of(join: Join) -> str:
    return Path(join.table.file).stem if join.name is None else join.name


def _plan_join(
    join: Join, path: str, config: ManifestConfig, names: set[str], check: TemplateChecker
) -> PlannedJoin | None:
    name = _name_of(join)
    try:
        table = open_table(join.table, config.root)
        theirs = table.columns(
            {item.removeprefix(f"{name}.") for item in names if item.startswith(f"{name}.")}
        )
    except PolymodalError as error:
        check.note(f"{path}.table", str(error))
        return None
    if name in check.joined or any(item.startswith(f"{name}.") for item in check.columns):
        check.note(f"{path}.name", f"'{name}' is taken; give the join another name")
    on = check.template(join.on, f"{path}.on")
    to = join.on if join.to is None else join.to
    keys = JoinKeys(
        on,
        check.template_over(to, f"{path}.to", table.name, theirs),
        None if join.by is None else check.template(join.by, f"{path}.by"),
        None if join.by is None else check.template_over(join.by, f"{path}.by", table.name, theirs),
        None if join.tolerance is None else Decimal(str(join.tolerance)),
    )
    check.joined[name] = theirs
    return PlannedJoin(name, table, keys, tuple(theirs), join.table.missing)


def _columns_of_header(check: TemplateChecker) -> dict[str, ColumnMapping]:
    kinds = registry().names("modality")
    found: dict[str, ColumnMapping] = {}
    for header in check.columns:
        name, colon, kind = header.partition(":")
        if not colon and header in kinds:
            kind = header
        elif not (name and kind):
            continue
        if name in found:
            check.note("columns", f"the header of {check.table} has two columns for '{name}'")
        given = {"kind": kind, default_key(kind): f"{{{header}}}"}
        found[name] = ColumnMapping.model_validate(given)
    if not found:
        check.note(
            "columns",
            f"none are given, and the header of {check.table} names none: "
            f"{', '.join(check.columns[:10])}; call a column 'name:kind' or by its kind "
            f"({', '.join(kinds) or 'none is installed'}), or give columns.<name>.path, .value or "
            f".vector",
        )
    return found


def _split(config: ManifestConfig, check: TemplateChecker) -> Template:
    if config.split is not None:
        return check.template(config.split, "split", fixed=True)
    taken = not config.columns and "split" in check.columns
    return Template((Slot("split"),)) if taken else Template(("train",))


def _renamed(config: ManifestConfig, check: TemplateChecker) -> dict[str, str]:
    names: dict[str, str] = {}
    for split, values in config.splits.items():
        for value in values:
            if names.setdefault(value, split) != split:
                message = f"'{value}' means '{names[value]}' already; it can mean one split"
                check.note(f"splits.{split}", message)
    return names


def _role(
    name: str, text: str | None, config: ManifestConfig, check: TemplateChecker
) -> Template | None:
    if text is not None:
        return check.template(text, name)
    taken = not config.columns and name in check.columns
    return Template((Slot(name),)) if taken else None
