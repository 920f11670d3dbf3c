"""Visual question answering on the page: accuracy by type of answer, and examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymodal_eval.statistics import Estimate
from polymodal_eval.tasks.vqa import GALLERIES, USUAL

if TYPE_CHECKING:
    from polymodal_eval.report.cards import Cards
    from polymodal_eval.results import Measurement, TaskResult
    from polymodal_eval.space import Space


def vqa_section(space: Space, result: TaskResult, cards: Cards) -> dict[str, Any]:
    """Lay out a table for each mode, and examples of the last combination of inputs."""
    measured = result.measurements
    asked = [item for item in measured if item.query_columns]
    first = asked[0]
    last = [item for item in asked if item.details["mode"] == first.details["mode"]][-1]
    return {
        "types": first.details["questions"],
        "questions": first.num_queries,
        "drawn_from": first.details["drawn_from"],
        "statement": first.protocol["statement"],
        "usual": USUAL,
        "tables": [
            {"title": title, "lines": lines, **_common(lines[0])}
            for mode, title in GALLERIES.items()
            if (lines := [item for item in measured if item.details["mode"] == mode])
        ],
        "gains": {
            item.name: Estimate(**item.details["over_usual"], chance=0.0)
            for item in asked
            if "over_usual" in item.details
        },
        "shown_by": last.name,
        "examples": [
            {**example, "cards": _cards(space, last, example["row"], cards)}
            for example in last.details.get("examples", [])
        ],
    }


def _common(item: Measurement) -> dict[str, Any]:
    return {
        "best": item.details["best_possible"],
        "size": item.num_candidates,
        "candidates": item.protocol["candidates"],
        "chance": item.estimates[item.headline].chance,
    }


def _cards(space: Space, item: Measurement, row: int, cards: Cards) -> list[dict[str, Any]]:
    embeddings = space.embeddings
    return [
        cards(name, int(embeddings.item_numbers[name][embeddings.table.items[name][row]]))
        for name in item.query_columns
    ]
