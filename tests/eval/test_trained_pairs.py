from __future__ import annotations

from typing import Any

import pytest
from polymodal_eval.results import Measurement
from polymodal_eval.statistics import Estimate
from polymodal_eval.trained_pairs import by_origin, origin_of, pairs_in_rows, pairs_of_objective

from tests.eval.worlds import row_table

COLUMNS = ["image", "text", "depth"]


def pairs(*named: tuple[str, str]) -> frozenset[frozenset[str]]:
    return frozenset(map(frozenset, named))


def line(query: tuple[str, ...], gallery: tuple[str, ...]) -> Measurement:
    return Measurement(
        " + ".join(query),
        " + ".join(gallery),
        "r@1",
        {"r@1": Estimate(0.5)},
        num_queries=3,
        query_columns=query,
        gallery_columns=gallery,
    )


@pytest.mark.parametrize(
    ("objective", "wanted"),
    [
        ({}, pairs(("image", "text"), ("image", "depth"), ("text", "depth"))),
        (
            {"pairs": None, "kind": "pcmc"},
            pairs(("image", "text"), ("image", "depth"), ("text", "depth")),
        ),
        ({"pairs": [["text", "image"]]}, pairs(("image", "text"))),
        (
            {
                "parts": [
                    {"pairs": [["text", "image"]]},
                    {"pairs": [["text", "depth"]], "weight": 0.5},
                    {"weight": 0},
                ]
            },
            pairs(("image", "text"), ("text", "depth")),
        ),
        ({"parts": [{"pairs": [["text", "image"]]}, {"pairs": "every"}]}, None),
        ({"pairs": [["text", "image", 0.5], ["image", "depth", 0]]}, pairs(("image", "text"))),
        ({"pairs": []}, pairs()),
        # What another package's objective may mean by them is not known.
        ({"pairs": "all but one"}, None),
        ({"pairs": [["image"]]}, None),
        ({"pairs": [["image", "image"]]}, None),
        ({"pairs": [["image", "text", "much"]]}, None),
        ("nothing", None),
    ],
)
def test_pairs_are_read_from_the_objective_whatever_its_package(
    objective: Any, wanted: Any
) -> None:
    assert pairs_of_objective({"objective": objective}, COLUMNS) == wanted


def test_without_an_objective_nothing_is_known() -> None:
    assert pairs_of_objective({}, COLUMNS) is None
    assert origin_of(line(("image",), ("text",)), None) is None


def test_pairs_that_no_row_holds_both_of_never_met() -> None:
    table = row_table({"image": [0, 1, -1], "text": [0, -1, -1], "depth": [-1, 0, 1]})

    assert pairs_in_rows(table) == pairs(("image", "text"), ("image", "depth"))


def test_a_combination_is_trained_emergent_or_in_part() -> None:
    trained = pairs(("image", "text"), ("image", "depth"))

    assert origin_of(line(("image",), ("text",)), trained) == "trained"
    assert origin_of(line(("text",), ("image",)), trained) == "trained"
    assert origin_of(line(("text",), ("depth",)), trained) == "emergent"
    assert origin_of(line(("image", "text"), ("depth",)), trained) == "mixed"
    assert origin_of(line(("image",), ("text", "depth")), trained) == "trained"
    # Text against class names that are read as text is no pair of columns.
    assert origin_of(line(("text",), ("text",)), trained) is None
    assert origin_of(line(("image",), ()), trained) is None


def test_groups_stand_apart_only_where_something_is_emergent() -> None:
    lines = [
        line(("text",), ("depth",)),
        line(("image",), ("text",)),
        line(("text",), ("text",)),
    ]

    everything = pairs(("image", "text"), ("text", "depth"))
    assert [(title, len(part)) for title, part in by_origin(lines, everything)] == [("", 3)]
    assert by_origin(lines, None) == [("", lines)]
    apart = by_origin(lines, pairs(("image", "text")))
    assert [(title, [item.name for item in part]) for title, part in apart] == [
        ("trained pairs", ["image → text"]),
        ("emergent pairs, never together in training", ["text → depth"]),
        ("of one column", ["text → text"]),
    ]
    assert by_origin([], everything) == []
