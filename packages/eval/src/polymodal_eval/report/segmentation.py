"""Segmentation in a report: pictures with their true and predicted maps, and each class's IoU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from polymodal_eval.report.pictures import data_uri
from polymodal_eval.tasks.segmentation import ROW

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.report.cards import Cards
    from polymodal_eval.results import TaskResult
    from polymodal_eval.segmented_rows import SegmentedSplit
    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]

SHOWN_SIDE = 168
"""Side in pixels at which maps are shown; a class is one colour, so that these are enlarged."""

LEGEND_SHARE = 0.002
"""Classes below this share of the pixels shown are left out of the legend."""


def segmentation_section(space: Space, result: TaskResult, cards: Cards) -> dict[str, Any] | None:
    """Lay out pictures drawn at random, a legend, and the IoU of each class by condition."""
    split = space.segmented
    if split is None:
        return None
    wanted = int(result.measurements[0].details.get("pictures", 0))
    places = np.random.default_rng([space.seed, len(split.truths)]).permutation(len(split.truths))
    places = np.sort(places[:wanted])
    shown = [name for name in split.columns if space.kinds[name] != "text"]
    conditions = [ROW] if len(split.columns) > 1 else []
    conditions += [name for name in split.streams if name == split.visual or len(conditions) > 0]
    pictures, seen = _pictures(split, cards, places, conditions, shown)
    return {
        "columns": shown,
        "conditions": [_titled(split, name) for name in conditions],
        "target": split.target,
        "pictures": pictures,
        "legend": _legend(split, seen),
        "classes": _classes(result),
    }


def _pictures(
    split: SegmentedSplit,
    cards: Cards,
    places: Integers,
    conditions: list[str],
    shown: list[str],
) -> tuple[list[dict[str, Any]], Integers]:
    seen = np.zeros(len(split.classes), dtype=np.int64)
    if not len(places):
        return [], seen
    every = np.ones(len(split.truths), dtype=np.bool_)
    uses = {
        name: {column: every if name in (ROW, column) else ~every for column in split.columns}
        for name in conditions
    }
    found = []
    for some, maps in split.predict(uses, places):
        actual = split.actual(some)
        for number, place in enumerate(some):
            drawn = [actual[number], *(maps[name][number] for name in conditions)]
            known = actual[number] >= 0
            for part in drawn:
                seen += np.bincount(part[known & (part >= 0)], minlength=len(seen))
            right = [float((part == actual[number])[known].mean()) for part in drawn[1:]]
            found.append(
                {
                    "given": [
                        cards(name, int(split.items[name][place]))
                        if split.items[name][place] >= 0
                        else None
                        for name in shown
                    ],
                    "actual": _map(split, drawn[0]),
                    "predicted": [
                        {"picture": _map(split, part), "right": share}
                        for part, share in zip(drawn[1:], right, strict=True)
                    ],
                }
            )
    return found, seen


def _map(split: SegmentedSplit, label_map: Integers) -> str:
    factor = max(1, SHOWN_SIDE // len(label_map))
    large = label_map.repeat(factor, axis=0).repeat(factor, axis=1)
    return data_uri(split.colour(large), largest=max(large.shape))


def _titled(split: SegmentedSplit, name: str) -> str:
    return " + ".join(split.columns) if name == ROW else f"{name} alone"


def _legend(split: SegmentedSplit, seen: Integers) -> list[dict[str, str]]:
    order = np.argsort(-seen, kind="stable")
    kept = [int(number) for number in order if seen[number] > LEGEND_SHARE * seen.sum()]
    colours = split.colour(np.array([[*kept, -1]], dtype=np.int64))[0]
    names = [*(split.classes[number] for number in kept), "not counted"]
    return [
        {"name": name, "colour": "#" + bytes(colour.tolist()).hex()}
        for name, colour in zip(names, colours, strict=True)
    ]


def _classes(result: TaskResult) -> dict[str, Any]:
    lines = [item for item in result.measurements if "share" not in item.protocol]
    whole = lines[0].details["segmented"]
    order = sorted(range(len(whole)), key=lambda number: -whole[number]["pixels"])
    total = sum(row["pixels"] for row in whole)
    return {
        "conditions": [item.query for item in lines],
        "rows": [
            {
                "name": whole[number]["name"],
                "share": whole[number]["pixels"] / total,
                "iou": [item.details["segmented"][number]["iou"] for item in lines],
            }
            for number in order
        ],
    }
