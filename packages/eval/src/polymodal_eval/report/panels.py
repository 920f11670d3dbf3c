"""The projections of the space as panels: all columns together, and each by itself (Fig. 3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from polymodal_eval.report.charts import PALETTE, scatter
from polymodal_eval.report.projection import project, project_column, row_cosines
from polymodal_eval.report.sections import common_start

if TYPE_CHECKING:
    from polymodal_eval.report.evaluated import Evaluated
    from polymodal_eval.report.projection import Projection
    from polymodal_eval.space import Space


def space_panels(evaluated: Evaluated) -> dict[str, Any] | None:
    """Lay out the first split that has enough items; None where none has."""
    for name, space in evaluated.spaces.items():
        projection = project(space)
        if projection is not None:
            return {"split": name, "size": len(projection.points), **_panels(space, projection)}
    return None


def _panels(space: Space, projection: Projection) -> dict[str, Any]:
    frequent, classes = frequent_labels(projection)
    names = [space.embeddings.table.class_names[label] for label in frequent]
    start = common_start(names)
    colours = [int(number) % PALETTE for number in projection.column]
    return {
        "by_column": {
            "chart": scatter(projection, colours, label="t-SNE of the space, coloured by column"),
            "legend": list(projection.columns),
        },
        "by_row": _by_row(space, projection, colours),
        "by_class": {
            "chart": _by_class(projection, frequent, label="t-SNE of the space, by class"),
            "legend": [name[len(start) :] for name in names],
            "left_out": start.strip(),
            "others": classes - len(frequent),
        }
        if frequent
        else None,
        "alone": [
            {
                "column": column,
                "size": len(alone.points),
                "chart": _by_class(alone, frequent, label=f"t-SNE of {column}")
                if frequent
                else scatter(
                    alone, [number % PALETTE] * len(alone.points), label=f"t-SNE of {column}"
                ),
            }
            for number, column in enumerate(projection.columns)
            if (alone := project_column(space, column)) is not None
        ],
    }


def _by_row(space: Space, projection: Projection, colours: Sequence[int]) -> dict[str, Any] | None:
    if not projection.rows:
        return None
    joined = {number for row in projection.rows for number in row}
    groups = [colour if number in joined else -1 for number, colour in enumerate(colours)]
    return {
        "chart": scatter(
            projection, groups, label="t-SNE with the items of a row joined", rows=projection.rows
        ),
        "count": len(projection.rows),
        "cosines": row_cosines(space),
    }


def frequent_labels(projection: Projection) -> tuple[list[int], int]:
    """Give the most frequent labels, as many as there are colours, and the number of all."""
    counts = Counter(int(label) for label in projection.label if label >= 0)
    ordered = sorted(counts, key=lambda label: (-counts[label], label))
    return ordered[:PALETTE], len(counts)


def _by_class(projection: Projection, frequent: Sequence[int], *, label: str) -> Any:
    groups = [frequent.index(x) if x in frequent else -1 for x in projection.label.tolist()]
    return scatter(projection, groups, label=label)
