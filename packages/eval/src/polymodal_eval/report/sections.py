"""The tasks as sections of the page: tables, matrices and confusions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from polymodal_eval.entries import combination
from polymodal_eval.report.charts import confusion_chart
from polymodal_eval.report.document import averages
from polymodal_eval.report.titles import task_title
from polymodal_eval.trained_pairs import by_origin, origin_of

if TYPE_CHECKING:
    from polymodal_eval.results import Measurement, TaskResult
    from polymodal_eval.trained_pairs import Pairs

CLASSIFYING = ("zero_shot", "prompts")
MOST_CONFUSIONS = 6


def sections(results: Sequence[TaskResult], trained: Pairs | None = None) -> list[dict[str, Any]]:
    """Lay out all tasks; only the first with classes shows a table of confusions unfolded.

    The first classifying task of a split shows T1 of all of them, inputs against classes.
    """
    found = [section(result, trained) for result in results]
    first = next((number for number, item in enumerate(found) if item["confusions"]), -1)
    seen: set[str] = set()
    for number, result in enumerate(results):
        found[number]["first"] = number == first
        found[number]["t1"] = None
        if result.task in CLASSIFYING and result.measurements and result.split not in seen:
            seen.add(result.split)
            found[number]["t1"] = t1_matrix(results, result.split)
    return found


def section(result: TaskResult, trained: Pairs | None = None) -> dict[str, Any]:
    """Lay out one task: its table, the matrix of pairs, and confusions."""
    measured = result.measurements
    headlines = [item.estimates[item.headline] for item in measured]
    tops = [item.value if item.high is None else item.high for item in headlines]
    retrieval = result.task == "retrieval"
    return {
        "result": result,
        "title": task_title(result.task),
        "metrics": list(dict.fromkeys(name for item in measured for name in item.estimates)),
        "top": max([0.05, *tops]),
        "groups": groups(measured, trained),
        "matrix": matrix(measured, trained=trained) if retrieval else None,
        "confusions": [confusions(item) for item in _with_confusions(measured)],
    }


def groups(measured: Sequence[Measurement], trained: Pairs | None) -> list[dict[str, Any]]:
    """Sort a table's lines by whether their columns met in training, each group with its mean."""
    return [
        {"title": title, "lines": items, **averages(items)}
        for title, items in by_origin(measured, trained)
    ]


def matrix(
    measured: Sequence[Measurement], *, metric: str | None = None, trained: Pairs | None = None
) -> dict[str, Any]:
    """Lay out measurements by query and gallery; `metric` replaces their headline."""
    queries = list(dict.fromkeys(item.query for item in measured))
    galleries = list(dict.fromkeys(item.gallery for item in measured))
    galleries.sort(key=lambda name: queries.index(name) if name in queries else len(queries))
    emergent = [item for item in measured if origin_of(item, trained) == "emergent"]
    return {
        "metric": metric if metric is not None else measured[0].headline if measured else "",
        "queries": queries,
        "galleries": galleries,
        "cells": {(item.query, item.gallery): item for item in measured},
        "emergent": {(item.query, item.gallery) for item in emergent},
    }


def t1_matrix(results: Sequence[TaskResult], split: str) -> dict[str, Any] | None:
    """Lay out T1 of a split by input and side of classes (pcmc-pcmr, Tab. 4).

    None where it would say no more than the table: one input, or single columns against one side.
    """
    cells: dict[tuple[str, str], Measurement] = {}
    for result in results:
        if result.task in CLASSIFYING and result.split == split:
            for item in result.measurements:
                every = " (all classes)" if item.protocol.get("candidates") == "all" else ""
                cells.setdefault((item.query, f"{item.gallery}{every}"), item)
    queries = list(dict.fromkeys(query for query, _ in cells))
    galleries = list(dict.fromkeys(gallery for _, gallery in cells))
    combined = any(len(item.query_columns) > 1 for item in cells.values())
    if len(queries) < 2 or (len(galleries) < 2 and not combined):
        return None
    fused = any(item.details.get("fused") for item in cells.values())
    return {
        "metric": "t1",
        "combination": combination(fused=fused),
        "queries": queries,
        "galleries": galleries,
        "cells": cells,
        "emergent": set(),
    }


def _with_confusions(measured: Sequence[Measurement]) -> list[Measurement]:
    # Of many combinations of columns, the single ones first.
    found = [item for item in measured if item.details.get("classes")]
    found.sort(key=lambda item: len(item.query_columns))
    return found[:MOST_CONFUSIONS]


def confusions(item: Measurement) -> dict[str, Any]:
    """Lay out a measurement's classes: accuracies, and what was taken for what."""
    classes = item.details["classes"]
    start = common_start([row["name"] for row in classes])

    def short(name: str) -> str:
        return name[len(start) :]

    table: Mapping[str, Any] | None = item.details.get("confusion")
    return {
        "name": item.name,
        "left_out": start.strip(),
        "chart": confusion_chart([short(name) for name in table["names"]], table["counts"])
        if table
        else None,
        "classes": [{**row, "name": short(row["name"])} for row in classes],
        "scored": "f1" in classes[0],
        "scores": score_lines(item.details.get("scores", {})),
        "templates": item.details.get("templates"),
        "most": [
            {**row, "class": short(row["class"]), "taken_for": short(row["taken_for"])}
            for row in item.details.get("most_confused", [])
        ],
    }


def score_lines(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lay out precision, recall and F1: a line for the mean of classes, one for the weighted."""
    kinds = {"mean of the classes": "", "weighted by their queries": "_weighted"}
    return [
        {
            "name": name,
            "scores": [scores[f"{score}{end}"] for score in ("precision", "recall", "f1")],
        }
        for name, end in kinds.items()
        if scores
    ]


def common_start(names: Sequence[str]) -> str:
    """Give the whole words that all names begin with; none where a name would vanish."""
    words = [name.split(" ") for name in names]
    shortest = min(map(len, words), default=0)
    count = 0
    while len(words) > 1 and count < shortest - 1 and len({part[count] for part in words}) == 1:
        count += 1
    return "".join(f"{word} " for word in words[0][:count]) if count else ""
