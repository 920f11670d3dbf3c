from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from polymodal_eval.report.cards import Cards
from polymodal_eval.report.document import document
from polymodal_eval.report.failures import failure_groups, surest_failures
from polymodal_eval.report.page import render
from polymodal_eval.results import Measurement
from polymodal_eval.space import Space
from polymodal_eval.tasks.retrieval import Retrieval

from tests.eval.report.evaluations import evaluated
from tests.eval.worlds import embedding_table, row_table, scenes, space_of


def measured(space: Space, query: str, gallery: str) -> Measurement:
    (found,) = Retrieval(((query, gallery),))(space).measurements
    return found


def reference(space: Space, query: str, gallery: str) -> list[tuple[float, int, int, int]]:
    """(margin, query, wrong, right) of every failure, largest margin first, loop by loop."""
    table, vectors = space.embeddings.table, space.embeddings.vectors
    rows = range(len(table))
    found = []
    for asking in range(len(vectors[query])):
        mine = {table.instance[r] for r in rows if table.items[query][r] == asking}
        scores: dict[bool, list[tuple[float, int]]] = {True: [], False: []}
        for other in range(len(vectors[gallery])):
            theirs = {table.instance[r] for r in rows if table.items[gallery][r] == other}
            one, two = (vectors[query][asking], vectors[gallery][other])
            score = float(np.dot(one.astype(np.float64), two.astype(np.float64)))
            scores[bool(mine & theirs - {-1})].append((score, other))
        if not scores[True]:
            continue
        best = {key: max(items) for key, items in scores.items()}
        if best[False][0] >= best[True][0] - 1e-6:
            margin = best[False][0] - best[True][0]
            found.append((margin, asking, best[False][1], best[True][1]))
    return sorted(found, reverse=True)


def test_the_surest_failures_against_a_reference() -> None:
    space = scenes(size=60, seed=2)
    for query, gallery in (("image", "text"), ("text", "image")):
        wanted = reference(space, query, gallery)
        found = surest_failures(space, measured(space, query, gallery), most=4)
        assert found.count == len(wanted) > 4
        assert len(found.shown) == 4
        taken: set[Any] = set()
        chosen = []
        for margin, asking, wrong, right in wanted:
            instance = asking if query == "image" else asking // 2
            keys = {("query", instance), ("wrong", wrong), ("right", right)}
            if not keys & taken:
                taken |= keys
                chosen.append((margin, asking, wrong, right))
        for item, (margin, *numbers) in zip(found.shown, chosen, strict=False):
            assert [item.query, item.wrong, item.right] == numbers
            assert item.margin == pytest.approx(margin)
            assert item.margin > 0
            assert item.rank > 1


def test_ties_count_as_failures_and_missing_partners_do_not() -> None:
    # Equal vectors: the wrong one stands before; row 2 has no partner, row 3 is right.
    table = row_table({"a": [0, 1, 2, 3], "b": [0, 1, -1, 2]}, instance=[5, 6, 7, 8])
    vectors = {"a": np.eye(3)[[0, 0, 1, 2]], "b": np.eye(3)[[0, 0, 2]]}
    space = space_of(embedding_table(vectors, table, first_number=10))
    found = surest_failures(space, measured(space, "a", "b"))
    assert found.count == 2
    assert [(item.query, item.wrong, item.right) for item in found.shown] == [
        (10, 11, 10),
        (11, 10, 11),
    ]
    assert [(item.margin, item.rank) for item in found.shown] == [(0.0, 2), (0.0, 2)]


def test_nothing_is_shown_where_nothing_fails() -> None:
    table = row_table({"a": [0, 1, 2], "b": [0, 1, 2]})
    space = space_of(embedding_table({"a": np.eye(3), "b": np.eye(3)}, table))
    results = Retrieval()(space)
    assert surest_failures(space, results.measurements[0]).shown == ()
    assert failure_groups(space, results.measurements, Cards(space)) == []
    given = evaluated(results=[results], spaces={"test": space})
    assert 'id="failures"' not in render(given, document(given))


def test_the_page_shows_query_wrong_and_right_with_scores_and_ranks() -> None:
    space = scenes(size=60, seed=2)
    result = Retrieval()(space)
    given = evaluated(results=[result], spaces={"test": space})
    page = render(given, document(given))
    section = page[page.index('id="failures"') :]
    first = surest_failures(space, result.measurements[0]).shown[0]
    assert f"{first.wrong_score:.3f}" in section
    assert f"rank {first.rank}" in section
    assert "found first, wrong" in section
    assert "caption &lt;b&gt;" in section
