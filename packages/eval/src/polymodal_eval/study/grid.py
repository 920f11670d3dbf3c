"""The grid of a study: its axes, their variants, and the runs that their combinations are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from polymodal_core.errors import Problem, suggest

Table = dict[str, Any]
SEED = "seed"
"""The axis whose runs are averaged where a table does not choose one."""


@dataclass(frozen=True)
class Variant:
    """A value of an axis: what it changes in the recipe, and the `columns` that it keeps of it."""

    name: str
    changes: Table
    columns: tuple[str, ...] | None = None
    folder: str = ""


@dataclass(frozen=True)
class Axis:
    """A named axis, or one over the recipe field of that dotted path (`field`)."""

    name: str
    variants: tuple[Variant, ...]
    field: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The variants' names, in their order."""
        return tuple(variant.name for variant in self.variants)

    def variant(self, name: str) -> Variant:
        """Give the variant of that name."""
        return next(variant for variant in self.variants if variant.name == name)


@dataclass(frozen=True)
class PlannedRun:
    """A combination of variants: the name of its folder, and its variant's name on every axis."""

    folder: str
    choice: Mapping[str, str]

    def matches(self, where: Mapping[str, Sequence[str]]) -> bool:
        """Whether the run is of one of the variants named, on every axis that is named."""
        return all(self.choice[axis] in names for axis, names in where.items())


def parse_grid(given: Any, problems: list[Problem]) -> tuple[Axis, ...]:
    """Read `[grid]`, appending every problem; an axis is a list of values or a table of variants.

    A list belongs to the recipe field that the axis is named after (`seed`, `"objective.rho"`).
    """
    if not isinstance(given, Mapping) or not given:
        problems.append(
            Problem("grid", "a study needs an axis at least; write seed = [0, 1, 2] into [grid]")
        )
        return ()
    axes = [
        _field_axis(name, values, problems)
        if isinstance(values, list)
        else _named_axis(name, values, problems)
        for name, values in given.items()
    ]
    return tuple(axis for axis in axes if axis is not None)


def planned_runs(
    axes: Sequence[Axis], exclude: Sequence[Mapping[str, Sequence[str]]] = ()
) -> list[PlannedRun]:
    """List every combination of variants that no clause of `exclude` matches, first axis slowest.

    A folder's name depends on the run's own variants alone, so that a grid may grow.
    """
    runs = []
    for variants in product(*(axis.variants for axis in axes)):
        choice = {axis.name: variant.name for axis, variant in zip(axes, variants, strict=True)}
        run = PlannedRun(_folder(axes, variants), choice)
        if not any(run.matches(where) for where in exclude):
            runs.append(run)
    return runs


def _folder(axes: Sequence[Axis], variants: Sequence[Variant]) -> str:
    # Values of fields last, however TOML orders them: `pcmc-i-t-seed0`.
    parts = sorted(zip(axes, variants, strict=True), key=lambda part: part[0].field)
    return "-".join(variant.folder for _, variant in parts)


def folder_problems(runs: Sequence[PlannedRun]) -> list[Problem]:
    """Find runs whose folders would have one name."""
    seen: dict[str, PlannedRun] = {}
    found = []
    for run in runs:
        other = seen.setdefault(run.folder, run)
        if other is not run:
            message = f"{_said(other)} and {_said(run)} would both lie in {run.folder}/; rename one"
            found.append(Problem("grid", message))
    return found


def parse_where(
    given: Any, axes: Sequence[Axis], path: str, problems: list[Problem]
) -> dict[str, tuple[str, ...]]:
    """Read a choice of variants, `{objective = "PCMC", seed = [0, 1]}`, appending every problem."""
    if not isinstance(given, Mapping):
        problems.append(Problem(path, f"must be a table of axes; given {given!r}"))
        return {}
    known = {axis.name: axis for axis in axes}
    found = {}
    for name, value in given.items():
        if name not in known:
            problems.append(Problem(f"{path}.{name}", f"no axis '{name}'{suggest(name, known)}"))
            continue
        names = tuple(map(variant_name, value if isinstance(value, list | tuple) else [value]))
        for item in names:
            if item not in known[name].names:
                message = f"axis '{name}' has no '{item}'{suggest(item, known[name].names)}"
                problems.append(Problem(f"{path}.{name}", message))
        found[name] = names
    return found


def variant_name(value: Any) -> str:
    """Name a value as TOML writes it: `true`, `0.5`, `adam`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def nested(path: str, value: Any) -> Table:
    """Give `{"a": {"b": value}}` for the path `a.b`."""
    for key in reversed(path.split(".")):
        value = {key: value}
    found: Table = value
    return found


def _field_axis(name: str, values: list[Any], problems: list[Problem]) -> Axis | None:
    path = f"grid.{name}"
    if not values:
        problems.append(Problem(path, "has no value; give one at least"))
        return None
    if not all(name.split(".")):
        problems.append(Problem(path, "is no path of a recipe, such as objective.temperature"))
        return None
    short = name.rpartition(".")[2]
    variants = []
    for value in values:
        if not isinstance(value, str | int | float):
            message = (
                f"{value!r} has no short name; make the axis a table of named variants: "
                f"[grid.{short}] A = {{ {name} = ... }}"
            )
            problems.append(Problem(path, message))
            continue
        called = variant_name(value)
        word = "" if isinstance(value, str) else short.replace("_", "")
        folder = f"{word}{slug(called)}"
        variants.append(Variant(called, nested(name, value), folder=folder))
    _check_repeats(variants, path, problems)
    return Axis(name, tuple(variants), field=True)


def _named_axis(name: str, given: Any, problems: list[Problem]) -> Axis | None:
    path = f"grid.{name}"
    if not isinstance(given, Mapping) or not given:
        message = f"must be a list of values or a table of named variants; given {given!r}"
        problems.append(Problem(path, message))
        return None
    variants = []
    for called, changes in given.items():
        where = f"{path}.{called}"
        if not isinstance(changes, Mapping):
            message = "a variant is a table of changes to the recipe"
            if isinstance(changes, list):
                message += f'; an axis over one field is quoted: "{name}.{called}" = {changes}'
            problems.append(Problem(where, message))
            continue
        columns = changes.get("columns")
        rest = {key: value for key, value in changes.items() if key != "columns"}
        if columns is not None and not _names(columns):
            problems.append(Problem(f"{where}.columns", "must be a list of names of columns"))
            columns = None
        kept = None if columns is None else tuple(columns)
        if not slug(called):
            problems.append(Problem(where, "a name needs a letter or digit, to name folders by"))
        variants.append(Variant(called, rest, kept, slug(called)))
    _check_repeats(variants, path, problems)
    return Axis(name, tuple(variants))


def slug(name: str) -> str:
    """Write a name as part of a folder's: `I+T, fine-tuned` as `i-t-fine-tuned`."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")


def _check_repeats(variants: Sequence[Variant], path: str, problems: list[Problem]) -> None:
    for part in _repeated([variant.name for variant in variants]):
        problems.append(Problem(path, f"'{part}' is listed twice"))


def _repeated(names: Sequence[str]) -> Iterator[str]:
    yield from sorted({name for name in names if names.count(name) > 1})


def _names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _said(run: PlannedRun) -> str:
    return "; ".join(f"{axis} = {name}" for axis, name in run.choice.items())
