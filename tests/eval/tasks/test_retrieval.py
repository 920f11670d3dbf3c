from __future__ import annotations

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError, UnknownNameError
from polymodal_eval.results import NotApplicable
from polymodal_eval.space import Space
from polymodal_eval.tasks.retrieval import Retrieval

from tests.eval.worlds import embedding_table, row_table, space_of


def space() -> Space:
    table = row_table(
        {"image": [0, 1, 2, 3], "text": [0, 1, 2, 3], "proto": [0, 0, 1, 1], "depth": [-1] * 4},
        label=[0, 0, 1, 1],
        of_classes=["proto"],
    )
    corner = np.eye(4)
    vectors = {
        "image": corner,
        "text": corner[[1, 0, 2, 3]],
        "proto": [corner[0] + corner[1], corner[2] + corner[3]],
    }
    return space_of(embedding_table(vectors, table))


def test_every_ordered_pair_is_measured_by_the_default_rule() -> None:
    found = Retrieval()(space())

    assert found.task == "retrieval"
    by_name = {item.name: item for item in found.measurements}
    assert len(by_name) == 6
    assert by_name["image → text"].estimates["r@1"].value == 0.5
    assert by_name["image → text"].protocol["relevance"] == "instance"
    assert by_name["image → proto"].estimates["r@1"].value == 1.0
    assert by_name["image → proto"].protocol["relevance"] == "label"
    assert by_name["proto → text"].estimates["r_precision"].value == 1.0
    assert by_name["proto → text"].estimates["r@1"].chance == 0.5
    line = by_name["image → proto"]
    assert (line.num_queries, line.num_left_out, line.num_candidates) == (4, 0, 2)
    assert line.queries is not None
    assert line.queries.score.tolist() == [1, 1, 1, 1]


def test_named_pairs_rule_and_ks() -> None:
    found = Retrieval((("text", "image"),), relevance="label", ks=(2, 3))(space())

    (line,) = found.measurements
    assert line.name == "text → image"
    assert line.headline == "r@2"
    assert line.estimates["r@2"].chance == pytest.approx(1 - (2 * 1) / (4 * 3))
    assert "r@1" not in line.estimates


def test_pairs_without_a_right_answer_are_skipped_with_a_reason() -> None:
    table = row_table({"a": [0, 1], "b": [0, -1], "c": [-1, 0]}, instance=[0, 1])
    vectors = {"a": np.eye(2), "b": [[1.0, 0]], "c": [[0, 1.0]]}

    found = Retrieval()(space_of(embedding_table(vectors, table)))

    assert {item.what for item in found.skipped} == {"b → c", "c → b"}
    assert "no b of split 'test' has a right answer in c by instance" in found.skipped[0].reason
    assert found.measurements[0].num_left_out == 1


def test_unknown_columns_and_empty_splits_are_said() -> None:
    with pytest.raises(UnknownNameError, match="column 'depth'"):
        Retrieval((("image", "depth"),))(space())
    with pytest.raises(PolymodalError, match="'instance' is not defined for image to proto"):
        Retrieval((("image", "proto"),), relevance="instance")(space())
    alone = space_of(embedding_table({"a": np.eye(2)}, row_table({"a": [0, 1]})))
    with pytest.raises(NotApplicable, match="no columns to measure"):
        Retrieval()(alone)
