"""The few numbers that stand first on the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from polymodal_eval.report.charts import percent, signed
from polymodal_eval.report.document import averages
from polymodal_eval.report.titles import metric_name
from polymodal_eval.results import verdict
from polymodal_eval.tasks.robustness import REMOVED
from polymodal_eval.trained_pairs import origin_of

if TYPE_CHECKING:
    from polymodal_eval.results import Measurement, TaskResult
    from polymodal_eval.trained_pairs import Pairs


def tiles(measured: Sequence[TaskResult], trained: Pairs | None = None) -> list[dict[str, Any]]:
    """Choose the few numbers that stand first: means of retrieval, pictures of the other tasks."""
    found = []
    for result in measured:
        if result.task == "retrieval":
            found += _retrieval(result, trained)
        elif result.task == "enrichment":
            found.append(_enrichment(result))
        elif result.task == "robustness":
            found += _robustness(result)
        else:
            found.append(_first_of(result))
    return found


def _retrieval(result: TaskResult, trained: Pairs | None) -> list[dict[str, Any]]:
    metric = metric_name(result.measurements[0].headline)
    never_met: dict[bool, list[Measurement]] = {False: [], True: []}
    for item in result.measurements:
        never_met[origin_of(item, trained) == "emergent"].append(item)
    names = {False: "trained ordered pairs" if never_met[True] else "ordered pairs"}
    names[True] = "ordered pairs that never met in training"
    return [
        _mean_tile(items, f"mean {metric}", names[emergent], result.split)
        for emergent, items in never_met.items()
        if items
    ]


def _mean_tile(items: Sequence[Measurement], label: str, what: str, split: str) -> dict[str, Any]:
    found = averages(items)
    chance = found["mean_chance"]
    return {
        "label": label,
        "value": percent(found["mean"]),
        "chance": percent(chance) if chance is not None else None,
        "note": f"{found['above_chance']} of {len(items)} {what} are above chance",
        "split": split,
    }


def _enrichment(result: TaskResult) -> dict[str, Any]:
    enriched = [verdict(item) for item in result.measurements if item.gains]
    better, worse = enriched.count("better"), enriched.count("worse")
    return {
        "label": "combinations of columns",
        "value": f"{better} of {len(enriched)}",
        "chance": None,
        "note": f"beat the best of their single columns, {worse} are worse",
        "split": result.split,
    }


def _robustness(result: TaskResult) -> list[dict[str, Any]]:
    gone = [item for item in result.measurements if item.details["corruption"] == REMOVED]
    damaged = [
        item
        for item in result.measurements
        if "lost" in item.details and item.details["corruption"] != REMOVED
    ]
    metric = metric_name(result.measurements[0].headline)
    found = [
        _lost(damaged, f"{metric} lost to damage", "curves at severity {:g}"),
        _lost(gone, f"{metric} lost without a column", "curves, {:.0%} of its items gone"),
    ]
    return [{**item, "split": result.split} for item in found if item is not None]


def _lost(items: Sequence[Measurement], label: str, what: str) -> dict[str, Any] | None:
    if not items:
        return None
    worst = max(item.details["severity"] for item in items)
    lost = [item.details["lost"]["value"] for item in items if item.details["severity"] == worst]
    note = f"points, mean of {len(lost)} {what.format(worst)}"
    return {"label": label, "value": signed(-sum(lost) / len(lost)), "chance": None, "note": note}


def _first_of(result: TaskResult) -> dict[str, Any]:
    wanted = "row" if result.task == "segmentation" else "image"
    first = next((item for item in result.measurements if item.query == wanted), None)
    item = first if first is not None else result.measurements[0]
    what = "answers" if result.task == "vqa" else "classes"
    estimate = item.estimates[item.headline]
    return {
        "label": item.name,
        "value": percent(estimate.value),
        "chance": percent(estimate.chance) if estimate.chance is not None else None,
        "note": f"{_lowered(metric_name(item.headline))} over {item.num_candidates} {what}",
        "split": result.split,
    }


def _lowered(name: str) -> str:
    return f"{name[0].lower()}{name[1:]}"
