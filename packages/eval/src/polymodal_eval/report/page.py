"""report.html: one self-contained page, readable offline, in light and dark, on a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from polymodal_core.recipe import write_toml

from polymodal_eval.report.charts import (
    PALETTE,
    confusion_chart,
    figure,
    interval_bar,
    line_chart,
    percent,
    scatter,
)
from polymodal_eval.report.examples import choose_pairs, retrieval_examples
from polymodal_eval.report.pictures import data_uri
from polymodal_eval.report.projection import project
from polymodal_eval.report.training import smoothed, training_curves

if TYPE_CHECKING:
    from polymodal_eval.report.evaluated import Evaluated
    from polymodal_eval.report.projection import Projection
    from polymodal_eval.results import Measurement, TaskResult
    from polymodal_eval.space import Space

TITLES = {
    "retrieval": "Retrieval",
    "zero_shot": "Zero-shot classification",
    "prompts": "Zero-shot classification by class names",
    "probe": "Probes",
}
METRICS = {
    "accuracy": "Accuracy",
    "t1": "T1",
    "top5": "Top 5",
    "r_precision": "R-Precision",
    "map": "mAP",
    "median_rank": "Median rank",
}
MOST_EXAMPLES = 12


def render(evaluated: Evaluated, document: Mapping[str, Any]) -> str:
    """Give the page as HTML; `document` is what report.json holds."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("polymodal_eval", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    environment.filters["figure"] = figure
    environment.filters["metric"] = metric_name
    environment.globals["interval_bar"] = interval_bar
    measured = [result for result in evaluated.results if result.measurements]
    return environment.get_template("report.html.j2").render(
        evaluated=evaluated,
        document=document,
        titles=TITLES,
        tiles=tiles(measured),
        sections=sections(evaluated.results),
        examples=_examples(evaluated),
        projection=_projection(evaluated),
        training=_training(evaluated),
        recipe=write_toml(dict(evaluated.recipe)) if evaluated.recipe else "",
    )


def metric_name(name: str) -> str:
    """Write a metric as people do: `r@1` as `R@1`."""
    return METRICS.get(name, name.replace("r@", "R@"))


def tiles(measured: Sequence[TaskResult]) -> list[dict[str, Any]]:
    """Choose the few numbers that stand first: means of retrieval, pictures of the other tasks."""
    found: list[dict[str, Any]] = []
    for result in measured:
        headlines = [item.estimates[item.headline] for item in result.measurements]
        chances = [item.chance for item in headlines if item.chance is not None]
        if result.task == "retrieval":
            above = sum(item.above_chance is True for item in headlines)
            found.append(
                {
                    "label": f"mean {metric_name(result.measurements[0].headline)}",
                    "value": percent(sum(item.value for item in headlines) / len(headlines)),
                    "chance": percent(sum(chances) / len(chances)) if chances else None,
                    "note": f"{above} of {len(headlines)} ordered pairs are above chance",
                    "split": result.split,
                }
            )
            continue
        first = next((item for item in result.measurements if item.query == "image"), None)
        item = first if first is not None else result.measurements[0]
        estimate = item.estimates[item.headline]
        found.append(
            {
                "label": item.name,
                "value": percent(estimate.value),
                "chance": percent(estimate.chance) if estimate.chance is not None else None,
                "note": f"{metric_name(item.headline).lower()} over {item.num_candidates} classes",
                "split": result.split,
            }
        )
    return found


def sections(results: Sequence[TaskResult]) -> list[dict[str, Any]]:
    """Lay out all tasks; only the first with classes shows a table of confusions unfolded."""
    found = [section(result) for result in results]
    first = next((number for number, item in enumerate(found) if item["confusions"]), -1)
    return [{**item, "first": number == first} for number, item in enumerate(found)]


def section(result: TaskResult) -> dict[str, Any]:
    """Lay out one task: its table, the matrix of pairs, and confusions."""
    measured = result.measurements
    metrics = list(dict.fromkeys(name for item in measured for name in item.estimates))
    headlines = [item.estimates[item.headline] for item in measured]
    tops = [item.value if item.high is None else item.high for item in headlines]
    return {
        "result": result,
        "title": TITLES.get(result.task, result.task.replace("_", " ").capitalize()),
        "metrics": metrics,
        "top": max([0.05, *tops]),
        "matrix": _matrix(measured) if result.task == "retrieval" else None,
        "confusions": [_confusions(item) for item in measured if item.details.get("classes")],
    }


def _confusions(item: Measurement) -> dict[str, Any]:
    classes = item.details["classes"]
    start = common_start([row["name"] for row in classes])

    def short(name: str) -> str:
        return name[len(start) :]

    table = item.details.get("confusion")
    return {
        "name": item.name,
        "left_out": start.strip(),
        "chart": confusion_chart([short(name) for name in table["names"]], table["counts"])
        if table
        else None,
        "classes": [{**row, "name": short(row["name"])} for row in classes],
        "most": [
            {**row, "class": short(row["class"]), "taken_for": short(row["taken_for"])}
            for row in item.details.get("most_confused", [])
        ],
    }


def common_start(names: Sequence[str]) -> str:
    """Give the whole words that all names begin with; none where a name would vanish."""
    words = [name.split(" ") for name in names]
    shortest = min(map(len, words), default=0)
    count = 0
    while len(words) > 1 and count < shortest - 1 and len({part[count] for part in words}) == 1:
        count += 1
    return "".join(f"{word} " for word in words[0][:count]) if count else ""


def _matrix(measured: Sequence[Measurement]) -> dict[str, Any]:
    queries = list(dict.fromkeys(item.query for item in measured))
    galleries = list(dict.fromkeys(item.gallery for item in measured))
    galleries.sort(key=lambda name: queries.index(name) if name in queries else len(queries))
    return {
        "queries": queries,
        "galleries": galleries,
        "cells": {(item.query, item.gallery): item for item in measured},
    }


def _examples(evaluated: Evaluated) -> list[dict[str, Any]]:
    result = next(
        (item for item in evaluated.results if item.task == "retrieval" and item.measurements), None
    )
    if result is None:
        return []
    space = evaluated.spaces[result.split]
    shown: dict[tuple[str, int], dict[str, Any]] = {}

    def card(column: str, item: int) -> dict[str, Any]:
        if (column, item) not in shown:
            shown[column, item] = _card(space, column, item)
        return shown[column, item]

    groups: dict[str, list[dict[str, Any]]] = {}
    for measured in choose_pairs(result.measurements, most=MOST_EXAMPLES):
        found = retrieval_examples(space, measured)
        groups.setdefault(found.query, []).append(
            {
                "gallery": found.gallery,
                "candidates": measured.num_candidates,
                "examples": [
                    {
                        "query": card(found.query, example.item),
                        "rank": example.rank,
                        "found": [
                            {**card(found.gallery, item.item), "relevant": item.relevant}
                            for item in example.found
                        ],
                    }
                    for example in found.examples
                ],
            }
        )
    return [{"query": query, "pairs": pairs} for query, pairs in groups.items()]


def _card(space: Space, column: str, item: int) -> dict[str, Any]:
    value = space.show(column, item)
    identity = space.identify(column, item)
    if isinstance(value, str):
        return {"text": value, "picture": None, "id": identity}
    return {"text": "", "picture": data_uri(value), "id": identity}


def _projection(evaluated: Evaluated) -> dict[str, Any] | None:
    for name, space in evaluated.spaces.items():
        projection = project(space)
        if projection is not None:
            return {"split": name, "size": len(projection.points), **_panels(space, projection)}
    return None


def _panels(space: Space, projection: Projection) -> dict[str, Any]:
    colours = [int(number) % PALETTE for number in projection.column]
    by_class: dict[str, Any] | None = None
    labels = [int(label) for label in projection.label if label >= 0]
    if labels:
        frequent = sorted(set(labels), key=lambda label: (-labels.count(label), label))
        frequent = frequent[:PALETTE]
        groups = [frequent.index(x) if x in frequent else -1 for x in projection.label.tolist()]
        names = [space.embeddings.table.class_names[label] for label in frequent]
        start = common_start(names)
        by_class = {
            "chart": scatter(projection, groups, label="t-SNE of the space, coloured by class"),
            "legend": [name[len(start) :] for name in names],
            "left_out": start.strip(),
            "others": len(set(labels)) - len(frequent),
        }
    return {
        "by_column": {
            "chart": scatter(projection, colours, label="t-SNE of the space, coloured by column"),
            "legend": list(projection.columns),
        },
        "by_class": by_class,
    }


def _training(evaluated: Evaluated) -> dict[str, Any] | None:
    curves = training_curves(evaluated.metrics)
    if not curves.loss and not curves.validation:
        return None
    return {
        "loss": line_chart({"loss": smoothed(curves.loss)}, main="loss", label="training loss"),
        "validation": line_chart(
            {**curves.pairs, "mean": curves.validation},
            main="mean",
            label="validation R@1",
            shares=True,
            mark=curves.best,
        ),
        "best": curves.best,
        "pairs": len(curves.pairs),
    }
