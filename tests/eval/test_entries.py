from __future__ import annotations

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_eval.entries import column_sets, entries_of

from tests.eval.worlds import embedding_table, row_table


def test_a_single_column_gives_its_items_as_they_are() -> None:
    rng = np.random.default_rng(0)
    table = row_table({"image": [1, 0, 1, -1], "text": [0, 1, 2, 3]})
    embeddings = embedding_table({"image": rng.normal(size=(2, 5)), "text": np.eye(4, 5)}, table)

    found = entries_of(embeddings, ("image",))

    assert found.name == "image"
    assert found.items.tolist() == [[0], [1]]
    assert found.of_row.tolist() == [1, 0, 1, -1]
    assert np.array_equal(found.vectors, embeddings.vectors["image"])
    assert found.rows_left_out == 1


def test_each_distinct_combination_in_rows_is_one_entry_of_the_mean_direction() -> None:
    # Float64 reference, row by row; rows 0 and 3 hold one and the same combination.
    rng = np.random.default_rng(1)
    items = {"a": [0, 0, 1, 0, -1, 2], "b": [0, 1, 1, 0, 1, -1], "c": [0, 0, 0, 0, 0, 0]}
    vectors = {
        "a": rng.normal(size=(3, 6)),
        "b": rng.normal(size=(2, 6)),
        "c": rng.normal(size=(1, 6)),
    }
    embeddings = embedding_table(vectors, row_table(items))

    found = entries_of(embeddings, ("b", "a", "c"))

    assert found.name == "b + a + c"
    assert found.rows_left_out == 2
    wanted: dict[tuple[int, ...], np.ndarray] = {}
    for row in range(6):
        key = tuple(items[column][row] for column in ("b", "a", "c"))
        if -1 in key:
            assert found.of_row[row] == -1
            continue
        mean = np.zeros(6)
        for column, item in zip(("b", "a", "c"), key, strict=True):
            vector = embeddings.vectors[column][item].astype(np.float64)
            mean += vector / np.linalg.norm(vector) / 3
        wanted[key] = mean / np.linalg.norm(mean)
        assert tuple(found.items[found.of_row[row]]) == key
    assert len(found) == len(wanted) == 3
    for key, vector in zip(map(tuple, found.items.tolist()), found.vectors, strict=True):
        np.testing.assert_allclose(vector, wanted[key], atol=1e-7)
    assert found.items_of("a").tolist() == [0, 0, 1]


def test_columns_count_alike_even_where_vectors_are_not_of_length_one() -> None:
    table = row_table({"a": [0], "b": [0]})
    embeddings = embedding_table({"a": [[1.0, 0]], "b": [[0, 1.0]]}, table)
    embeddings.vectors["a"][0] *= 9

    found = entries_of(embeddings, ("a", "b"))

    np.testing.assert_allclose(found.vectors, [[0.5**0.5, 0.5**0.5]], rtol=1e-6)


def test_vectors_that_cancel_out_are_zero_and_not_nan() -> None:
    table = row_table({"a": [0], "b": [0]})

    found = entries_of(embedding_table({"a": [[1.0, 0]], "b": [[-1.0, 0]]}, table), ("a", "b"))

    assert found.vectors.tolist() == [[0.0, 0.0]]


def test_rows_can_be_limited_and_none_may_be_left() -> None:
    table = row_table({"a": [0, 1, 2], "b": [0, -1, 1]})
    embeddings = embedding_table({"a": np.eye(3), "b": np.eye(2, 3)}, table)

    some = entries_of(embeddings, ("a",), rows=np.array([True, False, True]))
    none = entries_of(embeddings, ("a", "b"), rows=np.array([False, True, False]))

    assert some.items.tolist() == [[0], [2]]
    assert some.of_row.tolist() == [0, -1, 1]
    assert len(none) == 0
    assert none.vectors.shape == (0, 3)


@pytest.mark.parametrize("columns", [(), ("a", "a")])
def test_no_columns_and_repeated_ones_are_refused(columns: tuple[str, ...]) -> None:
    embeddings = embedding_table({"a": np.eye(2)}, row_table({"a": [0, 1]}))

    with pytest.raises(PolymodalError, match="no combination of columns"):
        entries_of(embeddings, columns)


def test_all_combinations_the_smallest_first() -> None:
    assert column_sets(["a", "b", "c"]) == [
        ("a",),
        ("b",),
        ("c",),
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
        ("a", "b", "c"),
    ]
    assert column_sets(["a", "b"], largest=1) == [("a",), ("b",)]
