"""Visual question answering on the page: accuracy by type of answer, and examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymodal_eval.report.titles import metric_name
from polymodal_eval.statistics import Estimate
from polymodal_eval.tasks.vqa import GALLERIES, USUAL

if TYPE_CHECKING:
    from polymodal_eval.report.cards import Cards
    from polymodal_eval.results import Measurement, TaskResult
    from polymodal_eval.space import Space


def vqa_section(space: Space, result: TaskResult, cards: Cards) -> dict[str, Any]:
    """Lay out a table for each mode, and examples of the last combination of inputs."""
    measured = result.measurements
    first = measured[0]
    last = [item for item in measured if item.details["mode"] == first.details["mode"]][-1]
    return {
        "types": first.details["questions"],
        "questions": first.num_queries,
        "drawn_from": first.details["drawn_from"],
        "statement": first.protocol["statement"],
        "tables": [
            _table(title, lines)
            for mode, title in GALLERIES.items()
            if (lines := [item for item in measured if item.details["mode"] == mode])
        ],
        "shown_by": last.name,
        "examples": [
            {**example, "cards": _cards(space, last, example["row"], cards)}
            for example in last.details["examples"]
        ],
    }


def _table(title: str, lines: list[Measurement]) -> dict[str, Any]:
    first = lines[0]
    rows = [
        {
            "name": item.query,
            "estimates": item.estimates,
            "over": Estimate(**item.details["over_usual"], chance=0.0),
        }
        for item in lines
    ]
    usual = {name: Estimate(**given) for name, given in first.details["usual"].items()}
    rows.append({"name": metric_name(USUAL).lower(), "estimates": usual, "over": None})
    return {
        "title": title,
        "rows": rows,
        "best": first.details["best_possible"],
        "size": first.num_candidates,
        "candidates": first.protocol["candidates"],
        "chances": {name: estimate.chance for name, estimate in first.estimates.items()},
    }


def _cards(space: Space, item: Measurement, row: int, cards: Cards) -> list[dict[str, Any]]:
    embeddings = space.embeddings
    return [
        cards(name, int(embeddings.item_numbers[name][embeddings.table.items[name][row]]))
        for name in item.query_columns
    ]
