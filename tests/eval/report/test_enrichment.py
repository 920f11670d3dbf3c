from __future__ import annotations

import numpy as np
import pytest
from polymodal_eval.entries import entries_of
from polymodal_eval.report.cards import Cards
from polymodal_eval.report.enrichment import (
    choose_variants,
    corrections,
    enrichment_section,
    tables,
)
from polymodal_eval.results import Gain, Measurement
from polymodal_eval.space import Space
from polymodal_eval.statistics import Estimate
from polymodal_eval.tasks.enrichment import Enrichment

from tests.eval.worlds import scenes


def line(
    query: tuple[str, ...], gallery: tuple[str, ...], *gains: tuple[str, str, float]
) -> Measurement:
    return Measurement(
        " + ".join(query),
        " + ".join(gallery),
        "r@1",
        {"r@1": Estimate(0.6)},
        num_queries=10,
        query_columns=query,
        gallery_columns=gallery,
        gains=tuple(
            Gain(one, other, 0.6 - value, Estimate(value, value - 0.1, value + 0.1))
            for one, other, value in gains
        ),
    )


@pytest.fixture(scope="module")
def space() -> Space:
    return scenes(size=60, classes=5)


def test_variants_are_the_largest_gains_of_one_further_column_on_either_side() -> None:
    lines = [
        line(("a", "b"), ("c",), ("a", "c", 0.3), ("b", "c", 0.2)),
        line(("a", "d"), ("c",), ("a", "c", 0.4), ("d", "c", 0.05)),
        line(("a",), ("b", "c"), ("a", "b", 0.6)),
        line(("a", "b", "d"), ("c",), ("a", "c", 0.9)),
        line(("a", "b"), ("c", "d"), ("a", "c", 0.9)),
        line(("d",), ("a", "b"), ("d", "a", -0.5)),
    ]

    found = [(item.name, gain.query, gain.gallery) for item, gain in choose_variants(lines)]

    # Of one base the larger gain alone; no gain that is indistinguishable or a loss.
    assert found == [
        ("a + d → c", "a", "c"),
        ("a + b → c", "b", "c"),
        ("a → b + c", "a", "b"),
    ]
    first, *_ = choose_variants(lines, last=["a"])
    assert (first[1].query, first[1].gallery) == ("b", "c")
    assert len(choose_variants(lines, most=1)) == 2


def test_corrected_queries_are_wrong_before_and_right_after(space: Space) -> None:
    table, vectors = space.embeddings.table, space.embeddings.vectors
    (measured,) = Enrichment((("text", "prototypes"),), (("image",),))(space).measurements
    gain = next(gain for gain in measured.gains if gain.query == "text")

    found = corrections(space, measured, gain, count=100)

    owner = dict(zip(table.items["text"].tolist(), table.items["image"].tolist(), strict=True))
    pictures = vectors["image"].astype(np.float64)
    fixed = spoiled = 0
    for number, (text, proto) in enumerate(found.queries.items.tolist()):
        one = vectors["text"][text].astype(np.float64)
        both = one + vectors["prototypes"][proto]
        before, after = int((pictures @ one).argmax()), int((pictures @ both).argmax())
        right = owner[text]
        shown = [item for item in found.shown if item.query == number]
        if before != right and after == right:
            fixed += 1
            assert [(item.before, item.after, item.right) for item in shown] == [
                (before, after, right)
            ]
        else:
            assert not shown
            spoiled += before == right and after != right
    assert (found.corrected, found.spoiled) == (fixed, spoiled)
    assert fixed > 0
    few = corrections(space, measured, gain)
    assert few.shown == corrections(space, measured, gain).shown
    assert set(few.shown) <= set(found.shown)
    assert len(few.shown) == min(2, fixed)


def test_an_enriched_gallery_is_shown_with_all_its_columns(space: Space) -> None:
    result = Enrichment()(space)

    found = enrichment_section(space, result, Cards(space), None)

    assert (found["combinations"], found["enriched"]) == (12, 6)
    assert found["better"] + found["worse"] <= 6
    assert found["examples"]
    for variant in found["examples"]:
        query, _, gallery = variant["name"].partition(" → ")
        for example in variant["examples"]:
            assert [card["column"] for card in example["after"]][:1] == [
                variant["base"].split(" → ")[1]
            ]
            assert {card["column"] for card in example["after"]} == set(gallery.split(" + "))
            assert {card["column"] for card in example["query"]} == set(query.split(" + "))
            assert example["query"][0]["column"] == variant["query"]
            assert len(example["before"]) == 1
            if example["right"]:
                assert example["right"][0]["id"] != example["after"][0]["id"]


def test_tables_hold_every_combination_by_gallery(space: Space) -> None:
    measured = Enrichment()(space).measurements

    found = tables(measured, None)

    titles = [table["title"] for table in found]
    assert titles == ["to image", "to text", "to prototypes", "to several columns"]
    assert [table["count"] for table in found] == [3, 3, 3, 3]
    several = found[-1]["groups"]
    assert [part["title"] for part in several] == [
        "to image + text",
        "to image + prototypes",
        "to text + prototypes",
    ]
    lines = [item for table in found for part in table["groups"] for item in part["lines"]]
    assert sorted(item.name for item in lines) == sorted(item.name for item in measured)


def test_the_reference_is_the_querys_own_partner() -> None:
    space = scenes()
    (measured,) = Enrichment((("image", "prototypes"),), (("text",),), relevance="label")(
        space
    ).measurements
    gain = measured.gains[0]

    found = corrections(space, measured, gain, count=100)

    table = space.embeddings.table
    texts = entries_of(space.embeddings, ("text",))
    for item in found.shown:
        image = found.queries.items_of("image")[item.query]
        rows = np.flatnonzero(table.items["image"] == image)
        assert texts.items_of("text")[item.right] in table.items["text"][rows]
