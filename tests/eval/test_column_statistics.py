from __future__ import annotations

import numpy as np
import pytest
from polymodal_eval import column_statistics as module
from polymodal_eval.column_statistics import (
    column_statistics,
    modality_gaps,
    near_equal,
    rows_checksum,
)

from tests.eval.worlds import embedding_table, row_table, scenes, space_of


def test_counts_of_every_column() -> None:
    image, text, prototypes = column_statistics(scenes())

    assert (image.name, image.kind, image.items, image.rows, image.labelled) == (
        "image",
        "image",
        24,
        48,
        24,
    )
    assert image.equal_texts is None  # pictures are no text
    assert text.equal_texts == 48 - 16  # three captions in a row read alike
    assert prototypes.of_classes
    assert not image.of_classes


def test_items_without_a_label_are_not_counted_as_labelled() -> None:
    table = row_table({"image": [0, 1, 1]}, label=[-1, 2, 2])
    (found,) = column_statistics(space_of(embedding_table({"image": np.eye(2)}, table)))

    assert (found.labelled, found.equal_texts) == (1, 0)


@pytest.mark.parametrize("rows", [1024, 2])
def test_near_equal_vectors_have_a_neighbour_and_are_not_their_own(rows: int) -> None:
    corner = np.eye(4)
    twin = corner[1] + [1e-3, 0, 0, 0]  # a cosine of 0.9999995
    cousin = corner[2] + [0, 0, 0, 0.02]  # 0.9998: not near enough

    assert near_equal(np.stack([*corner, twin, cousin]), rows=rows) == 2


def test_too_many_items_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_COMPARED", 3)
    table = row_table({"a": list(range(4))})

    (found,) = column_statistics(space_of(embedding_table({"a": np.eye(4)}, table)))

    assert found.near_equal is None


def test_gaps_are_distances_of_the_means() -> None:
    table = row_table({"a": [0, 1], "b": [0, 1]})
    vectors = {"a": [[1.0, 0], [0, 1.0]], "b": [[-1.0, 0], [0, 1.0]]}

    found = modality_gaps(space_of(embedding_table(vectors, table)))

    assert found == {("a", "b"): pytest.approx(1.0)}


def test_checksums_tell_other_rows_of_a_column_apart() -> None:
    def checksum(held: list[int], instance: list[int], *, first_number: int = 0) -> str:
        table = row_table({"a": held, "b": [0, 1, 2]}, instance=instance)
        vectors = {"a": np.eye(2), "b": np.eye(3)}
        return rows_checksum(embedding_table(vectors, table, first_number=first_number), "a")

    base = checksum([0, 1, -1], [0, 1, 2])

    assert checksum([0, 1, -1], [0, 1, 2]) == base
    others = [
        checksum([0, 1, 1], [0, 1, 2]),
        checksum([1, 0, -1], [0, 1, 2]),
        checksum([0, 1, -1], [0, 1, 1]),
        checksum([0, 1, -1], [0, 1, 2], first_number=5),
    ]
    assert len({base, *others}) == 5
