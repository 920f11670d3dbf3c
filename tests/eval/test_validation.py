from __future__ import annotations

import numpy as np
import pytest
from polymodal_core.errors import RunError
from polymodal_eval.validation import average_validation

from tests.eval.worlds import embedding_table, row_table


def test_every_ordered_pair_and_their_mean() -> None:
    table = row_table(
        {"image": [0, 1, 2], "text": [0, 1, 2], "proto": [0, 1, 0]},
        label=[0, 1, 0],
        of_classes=["proto"],
    )
    perfect = np.eye(4)
    swapped = embedding_table(
        {"image": perfect[[0, 1, 2]], "text": perfect[[1, 0, 2]], "proto": perfect[[0, 1]]}, table
    )

    found = average_validation(swapped)

    assert found["image->text r@1"] == pytest.approx(1 / 3)
    # Text 2 has no prototype near it: its scores tie at 0, and a tie never helps.
    assert found["text->proto r@1"] == 0.0
    assert found["image->proto r@1"] == pytest.approx(2 / 3)
    assert found["proto->image r@1"] == 1.0
    others = [value for name, value in found.items() if name != "mean"]
    assert len(others) == 6
    assert found["mean"] == pytest.approx(np.mean(others))


def test_a_pair_without_right_answers_is_left_out_of_the_mean() -> None:
    table = row_table({"image": [0, -1, 1], "text": [-1, 0, 1], "sound": [-1, -1, -1]})
    embeddings = embedding_table({"image": np.eye(2), "text": np.eye(2)}, table)

    assert set(average_validation(embeddings)) == {"mean", "image->text r@1", "text->image r@1"}


def test_nothing_to_choose_by_is_an_error() -> None:
    table = row_table({"image": [0, -1], "text": [-1, 0]})

    with pytest.raises(RunError, match="no pair of the columns image, text"):
        average_validation(embedding_table({"image": np.eye(1), "text": np.eye(1)}, table))
