from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_eval.entries import entries_of
from polymodal_eval.relevance import (
    Relevance,
    default_rule,
    relevance_of_columns,
    relevance_of_entries,
    relevance_of_groups,
    relevance_of_pairs,
    split_by_size,
)

from tests.eval.worlds import embedding_table, row_table


def dense(relevance: Relevance) -> list[list[int]]:
    matrix = np.zeros((relevance.num_queries, relevance.num_gallery), dtype=int)
    counts, items = relevance.of(np.arange(relevance.num_queries))
    matrix[np.repeat(np.arange(relevance.num_queries), counts), items] = 1
    assert (relevance.counts() == matrix.sum(1)).all()
    assert (relevance.bounds() >= matrix.sum(1)).all()
    return matrix.tolist()


def test_groups_match_by_id_and_unknown_matches_nothing() -> None:
    found = relevance_of_groups([7, -1, 3], [3, 7, -1, 7])

    assert dense(found) == [[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]]


def test_pairs_count_once() -> None:
    found = relevance_of_pairs([[0, 2], [0, 2], [1, 0]], num_queries=3, num_gallery=3)

    assert dense(found) == [[0, 0, 1], [1, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([[0, 3]], "gallery index 3; there are 3"),
        ([[-1, 0]], "query index -1; there are 2"),
        ([0, 1], r"shape \[2\]"),
        ([[0.5, 1.0]], "float64"),
    ],
)
def test_pairs_outside_are_refused(pairs: Any, message: str) -> None:
    with pytest.raises(PolymodalError, match=message):
        relevance_of_pairs(pairs, num_queries=2, num_gallery=3)


def test_no_pairs_at_all_is_no_relevance() -> None:
    assert dense(relevance_of_pairs([], num_queries=1, num_gallery=2)) == [[0, 0]]


@pytest.mark.parametrize("groups", [[0.5, 1.0], [[0, 1]]])
def test_groups_that_are_no_integers_are_refused(groups: Any) -> None:
    with pytest.raises(PolymodalError, match="one integer per item"):
        relevance_of_groups(groups, [0, 1])


def test_five_captions_share_the_picture_of_their_rows() -> None:
    table = row_table({"image": [0, 0, 0, 1, 1], "text": [0, 1, 2, 3, 4]}, instance=[4, 4, 4, 9, 9])

    assert dense(relevance_of_columns(table, "image", "text")) == [[1, 1, 1, 0, 0], [0, 0, 0, 1, 1]]
    assert dense(relevance_of_columns(table, "text", "image")) == [[1, 0]] * 3 + [[0, 1]] * 2


def test_rows_without_a_column_pair_by_instance_and_not_by_position() -> None:
    # The picture of instance 1 and the text of instance 0 are missing; they are in other rows.
    table = row_table({"image": [0, -1, 1], "text": [-1, 0, 1]}, instance=[0, 1, 2])

    assert dense(relevance_of_columns(table, "image", "text")) == [[0, 0], [0, 1]]


def test_an_item_in_several_rows_has_all_their_instances_and_labels() -> None:
    table = row_table({"sound": [0, 0, 1], "image": [0, 1, 2]}, instance=[5, 6, 7], label=[0, 1, 1])

    assert dense(relevance_of_columns(table, "sound", "image")) == [[1, 1, 0], [0, 0, 1]]
    by_label = relevance_of_columns(table, "sound", "image", rule="label")
    assert dense(by_label) == [[1, 1, 1], [0, 1, 1]]


def test_row_relevance_joins_only_what_one_row_holds() -> None:
    table = row_table({"speech": [0, 1], "text": [0, 1]}, instance=[3, 3])

    assert dense(relevance_of_columns(table, "speech", "text")) == [[1, 1], [1, 1]]
    assert dense(relevance_of_columns(table, "speech", "text", rule="row")) == [[1, 0], [0, 1]]


def test_unknown_instances_and_labels_match_nothing() -> None:
    table = row_table({"a": [0, 1], "b": [0, 1]}, instance=[-1, -1], label=[-1, -1])

    assert dense(relevance_of_columns(table, "a", "b", rule="instance")) == [[0, 0], [0, 0]]
    assert dense(relevance_of_columns(table, "a", "b", rule="label")) == [[0, 0], [0, 0]]


def test_class_columns_go_by_label() -> None:
    table = row_table(
        {"image": [0, 1, 2], "prototype": [0, 1, 0]}, label=[0, 1, 0], of_classes=["prototype"]
    )

    assert default_rule(table, ["image"], ["prototype"]) == "label"
    assert default_rule(table, ["prototype"], ["image"]) == "label"
    assert default_rule(table, ["image"], ["image"]) == "instance"
    assert dense(relevance_of_columns(table, "prototype", "image")) == [[1, 0, 1], [0, 1, 0]]
    with pytest.raises(PolymodalError, match="items of prototype stand for classes"):
        relevance_of_columns(table, "image", "prototype", rule="instance")


def test_rows_that_only_their_class_joins_go_by_label() -> None:
    rows = {"image": [0, 1, 2], "speech": [0, 1, 2]}
    by_class = row_table(rows, instance=[-1, -1, -1], label=[0, 1, 0])
    assert dense(relevance_of_columns(by_class, "image", "speech")) == [
        [1, 0, 1],
        [0, 1, 0],
        [1, 0, 1],
    ]
    assert not any(
        map(any, dense(relevance_of_columns(by_class, "image", "speech", rule="instance")))
    )
    some_known = row_table(rows, instance=[-1, 4, -1], label=[0, 1, 0])
    assert default_rule(some_known, ["image"], ["speech"]) == "instance"
    nothing_known = row_table(rows, instance=[-1, -1, -1], label=[-1, -1, -1])
    assert default_rule(nothing_known, ["image"], ["speech"]) == "instance"


def test_a_combination_is_of_instances_unless_all_its_columns_are_of_classes() -> None:
    table = row_table(
        {"image": [0, 1, 2], "prototype": [0, 1, 0], "word": [0, 1, 0]},
        label=[0, 1, 0],
        of_classes=["prototype", "word"],
    )
    vectors = {"image": np.eye(3), "prototype": np.eye(2, 3), "word": np.eye(2, 3)}
    embeddings = embedding_table(vectors, table)
    image, mixed, classes = (
        entries_of(embeddings, part)
        for part in (("image",), ("image", "prototype"), ("prototype", "word"))
    )

    found = relevance_of_entries(table, mixed, image)
    assert found.rule == "instance"
    assert dense(found) == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    found = relevance_of_entries(table, classes, image)
    assert found.rule == "label"
    assert dense(found) == [[1, 0, 1], [0, 1, 0]]
    assert dense(relevance_of_entries(table, image, mixed, rule="label"))[0] == [1, 0, 1]
    with pytest.raises(PolymodalError, match=r"for prototype \+ word to image: .*prototype, word"):
        relevance_of_entries(table, classes, image, rule="instance")


def test_an_unknown_column_is_named_with_the_nearest() -> None:
    table = row_table({"image": [0], "text": [0]})

    with pytest.raises(PolymodalError, match="no column 'imgae'; did you mean 'image'"):
        relevance_of_columns(table, "imgae", "text")


def test_splitting_by_size_keeps_order_and_bounds_each_part() -> None:
    parts = split_by_size(np.arange(6), np.array([3, 3, 3, 50, 1, 1]), budget=10)

    assert np.concatenate(parts).tolist() == list(range(6))
    assert max(sum([3, 3, 3, 50, 1, 1][i] for i in part) for part in parts) <= 60
    assert len(parts) > 1
    assert split_by_size(np.zeros(0, np.int64), np.zeros(0, np.int64)) == []
