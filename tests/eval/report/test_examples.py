from __future__ import annotations

import dataclasses

import numpy as np
from polymodal_eval.report.cards import Cards
from polymodal_eval.report.examples import (
    choose_pairs,
    example_groups,
    first_found,
    retrieval_examples,
)
from polymodal_eval.tasks.retrieval import Retrieval

from tests.eval.worlds import embedding_table, row_table, scenes, space_of


def test_examples_agree_with_the_ranks_that_were_measured() -> None:
    space = scenes()
    for measured in Retrieval()(space).measurements:
        for example in retrieval_examples(space, measured, count=8).examples:
            queries = measured.queries
            assert queries is not None
            assert queries.rank is not None
            place = queries.item.tolist().index(example.item)
            assert example.rank == queries.rank[place]
            right = [number for number, item in enumerate(example.found) if item.relevant]
            assert (right[0] + 1 if right else 6) == min(example.rank, 6)
            assert len(example.found) == min(5, measured.num_candidates)


def test_examples_are_drawn_by_the_seed_and_not_chosen() -> None:
    space = scenes(size=200)
    measured = Retrieval((("image", "text"),))(space).measurements[0]
    first, again = (retrieval_examples(space, measured) for _ in range(2))
    other = retrieval_examples(dataclasses.replace(space, seed=1), measured)

    assert first == again
    assert [item.item for item in first.examples] != [item.item for item in other.examples]


def test_items_are_named_by_their_numbers_in_the_store() -> None:
    table = row_table({"a": [0, 1], "b": [0, 1]})
    vectors = {"a": np.eye(2), "b": np.eye(2)}
    space = space_of(embedding_table(vectors, table, first_number=50))
    measured = Retrieval((("a", "b"),))(space).measurements[0]

    (example, _) = retrieval_examples(space, measured).examples

    assert example.item == 50
    assert [(item.item, item.relevant) for item in example.found] == [(50, True), (51, False)]


def test_where_all_scores_tie_the_wrong_ones_are_shown_first() -> None:
    table = row_table({"a": list(range(8)), "b": list(range(8))})
    vectors = {"a": np.ones((8, 3)), "b": np.ones((8, 3))}
    space = space_of(embedding_table(vectors, table))
    measured = Retrieval((("a", "b"),))(space).measurements[0]

    for example in retrieval_examples(space, measured).examples:
        assert not any(item.relevant for item in example.found)


def test_pairs_are_chosen_so_that_every_query_column_is_seen() -> None:
    measured = Retrieval()(scenes()).measurements

    assert choose_pairs(measured, most=100) == list(measured)
    chosen = choose_pairs(measured, most=3)
    assert [item.query for item in chosen] == ["image", "text", "prototypes"]
    assert len({(item.query, item.gallery) for item in choose_pairs(measured, most=5)}) == 5


def test_what_ties_within_rounding_is_shown_as_it_is_ranked() -> None:
    angle = 1e-4  # a cosine of 1 - 5e-9: within the tie
    gallery = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)], [0.0, 1.0]])

    found = first_found(np.array([1.0, 0.0]), gallery, np.array([0]), count=2)

    assert found.tolist() == [1, 0]


def test_examples_are_laid_out_by_query_column() -> None:
    space = scenes()
    measured = Retrieval()(space).measurements

    found = example_groups(space, measured, Cards(space))

    assert [group["query"] for group in found] == ["image", "text", "prototypes"]
    assert [pair["gallery"] for pair in found[0]["pairs"]] == ["text", "prototypes"]
    example = found[0]["pairs"][0]["examples"][0]
    assert example["query"]["column"] == "image"
    assert [card["column"] for card in example["found"]] == ["text"] * 5
    right = [card["relevant"] for card in example["found"]]
    assert (right.index(True) + 1 if any(right) else 6) == min(example["rank"], 6)
