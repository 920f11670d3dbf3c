"""From a study's recipe and a combination of variants to the recipe of one run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from polymodal_core.errors import Problem, suggest

from polymodal_eval.study.grid import Axis, PlannedRun, Table


def expand(recipe: Table, axes: Sequence[Axis], run: PlannedRun, problems: list[Problem]) -> Table:
    """Give the recipe of a run: every axis's variant merged into it, the first axis first.

    Appends a problem for a column that a variant keeps and the recipe lacks.
    """
    variants = [axis.variant(run.choice[axis.name]) for axis in axes]
    table = recipe
    for variant in variants:
        table = merged(table, variant.changes)
    for axis, variant in zip(axes, variants, strict=True):
        if variant.columns is not None:
            table = _kept(table, variant.columns, f"grid.{axis.name}.{variant.name}", problems)
    return table


def merged(table: Mapping[str, Any], changes: Mapping[str, Any]) -> Table:
    """Merge changes into a table, deep.

    A table that gets another `kind` is replaced, since the options of the old kind mean nothing to
    the new one; so is everything that is not a table.
    """
    result = deepcopy(dict(table))
    for key, value in changes.items():
        old = result.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping) and _alike(old, value, key):
            result[key] = merged(old, value)
        else:
            result[key] = deepcopy(dict(value)) if isinstance(value, Mapping) else deepcopy(value)
    return result


def _alike(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> bool:
    # A column's kind, where left out, is its name.
    return "kind" not in new or new["kind"] == old.get("kind", name)


def _kept(table: Table, columns: Sequence[str], path: str, problems: list[Problem]) -> Table:
    """Keep some columns: of `modalities`, of the objective's pairs and streams, of the tasks."""
    modalities = table.get("modalities")
    if not isinstance(modalities, Mapping):
        return table
    for name in columns:
        if name not in modalities:
            message = f"the recipe has no column '{name}'{suggest(name, modalities)}"
            problems.append(Problem(f"{path}.columns", message))
    left_out = modalities.keys() - set(columns)
    result = deepcopy(table)
    result["modalities"] = {name: value for name, value in modalities.items() if name in columns}
    objective = result.get("objective")
    for part in _objectives(objective):
        if isinstance(part.get("pairs"), list):
            part["pairs"] = _without(part["pairs"], left_out)
        if isinstance(part.get("streams"), dict):
            streams = part["streams"].items()
            part["streams"] = {name: weight for name, weight in streams if name in columns}
    evaluation = result.get("evaluation")
    if isinstance(evaluation, dict) and isinstance(evaluation.get("tasks"), list):
        kept = [name for name in modalities if name in columns]
        tasks = [_task(task, kept, left_out) for task in evaluation["tasks"]]
        evaluation["tasks"] = [task for task in tasks if task is not None]
    return result


def _objectives(objective: Any) -> list[Table]:
    # The objective, and those that it is a sum of.
    found = [objective] if isinstance(objective, dict) else []
    parts = objective.get("parts") if found else None
    return [*found, *(part for part in parts or () if isinstance(part, dict))]


def _task(task: Any, columns: Sequence[str], left_out: Collection[str]) -> Any:
    # What is left of a task without some columns; nothing where it needs one of them.
    if not isinstance(task, Mapping):
        return task
    found = dict(task)
    if isinstance(found.get("remove"), list):
        found["remove"] = _without(found["remove"], left_out)
    for key in ("inputs", "queries", "galleries", "pairs", "columns"):
        if isinstance(found.get(key), list):
            found[key] = _without(found[key], left_out)
            if not found[key]:
                return None
    needed = [found.get("classes"), found.get("column")]
    if any(name in left_out for name in needed if isinstance(name, str)):
        return None
    return None if found.get("kind") == "enrichment" and not _enriches(found, columns) else found


def _enriches(task: Table, columns: Sequence[str]) -> bool:
    # Whether a combination on one side is left that shares no column with the other side.
    if len(columns) < 3:
        return False
    queries, galleries = (task.get(key, "all") for key in ("queries", "galleries"))
    if not isinstance(queries, list) or not isinstance(galleries, list):
        return True
    sides = [
        [{*part} if isinstance(part, list) else {part} for part in side]
        for side in (queries, galleries)
    ]
    return any(len(a) + len(b) > 2 and not a & b for a in sides[0] for b in sides[1])


def _without(sets: Iterable[Any], left_out: Collection[str]) -> list[Any]:
    return [
        part
        for part in sets
        if not any(
            isinstance(name, str) and name in left_out
            for name in (part if isinstance(part, list) else [part])
        )
    ]
