from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from polymodal_eval.results import NotApplicable
from polymodal_eval.space import LabelledVectors, Space
from polymodal_eval.tasks.zero_shot import ZeroShot, split_classes

from tests.eval.worlds import embedding_table, row_table, space_of, unit

# Nine pictures of the classes 2, 5 and 7 of eight; picture 3 is nearest to a wrong prototype.
LABELS = [2, 2, 2, 2, 2, 2, 5, 5, 7]
NEAREST = [2, 2, 2, 5, 2, 2, 5, 5, 7]


def space(**options: Any) -> Space:
    table = row_table(
        {"image": list(range(9)), "proto": [0, 0, 0, 0, 0, 0, 1, 1, 2]},
        label=LABELS,
        of_classes=["proto"],
        class_names=[f"{number:03d}.kind_{number}" for number in range(8)],
    )
    vectors = {"image": np.eye(8)[NEAREST], "proto": np.eye(8)[[2, 5, 7]]}
    return space_of(embedding_table(vectors, table), **options)


def test_accuracy_and_t1_over_the_classes_of_the_split() -> None:
    (line,) = ZeroShot()(space()).measurements

    assert line.name == "image → proto"
    assert line.num_candidates == 3
    assert line.estimates["accuracy"].value == pytest.approx(8 / 9)
    assert line.estimates["t1"].value == pytest.approx((5 / 6 + 1 + 1) / 3)
    assert line.estimates["accuracy"].chance == pytest.approx(1 / 3)
    assert line.estimates["t1"].chance == pytest.approx(1 / 3)
    assert "top5" not in line.estimates
    assert line.protocol["candidates"] == "split"


def test_tables_of_classes_and_of_confusions() -> None:
    (line,) = ZeroShot()(space()).measurements

    assert [(item["name"], item["queries"]) for item in line.details["classes"]] == [
        ("002.kind_2", 6),
        ("005.kind_5", 2),
        ("007.kind_7", 1),
    ]
    assert line.details["classes"][0]["accuracy"] == pytest.approx(5 / 6)
    assert line.details["most_confused"] == [
        {
            "class": "002.kind_2",
            "taken_for": "005.kind_5",
            "queries": 1,
            "share": pytest.approx(1 / 6),
        }
    ]
    assert line.details["confusion"]["counts"] == [[5, 1, 0], [0, 2, 0], [0, 0, 1]]


def test_all_classes_of_the_store_can_be_the_candidates() -> None:
    asked: list[str] = []

    def classes(column: str) -> LabelledVectors:
        asked.append(column)
        return LabelledVectors(unit(np.eye(8)), np.arange(8))

    (line,) = ZeroShot(candidates="all")(space(classes=classes)).measurements

    assert asked == ["proto"]
    assert line.num_candidates == 8
    assert line.estimates["accuracy"].value == pytest.approx(8 / 9)
    assert line.estimates["accuracy"].chance == pytest.approx(1 / 8)
    assert line.estimates["t1"].chance == pytest.approx(1 / 8)
    # Picture 3 lies on class 5; the other six tie at 0, and all stand before the right one.
    assert line.estimates["top5"].value == pytest.approx(8 / 9)
    assert line.estimates["top5"].chance == pytest.approx(5 / 8)


def test_queries_without_a_label_or_of_another_class_are_left_out_and_counted() -> None:
    table = row_table(
        {"image": [0, 1, 2, 3], "word": [0, 1, -1, -1]}, label=[0, 1, 2, -1], of_classes=["word"]
    )
    vectors = {"image": np.eye(4), "word": np.eye(4)[:2]}

    (line,) = ZeroShot()(space_of(embedding_table(vectors, table))).measurements

    assert (line.num_queries, line.num_left_out) == (2, 2)
    assert line.estimates["accuracy"].value == 1.0


def test_an_item_of_two_classes_is_right_with_either() -> None:
    table = row_table(
        {"tune": [0, 0, 1], "proto": [0, 1, 2]}, label=[0, 1, 2], of_classes=["proto"]
    )
    vectors = {"tune": np.eye(3)[[1, 2]], "proto": np.eye(3)}

    (line,) = ZeroShot()(space_of(embedding_table(vectors, table))).measurements

    assert line.estimates["accuracy"].value == 1.0
    assert [item["queries"] for item in line.details["classes"]] == [1, 1, 1]


def test_several_items_of_a_class_are_averaged() -> None:
    table = row_table({"word": [0, 1, 2]}, label=[4, 4, 1], of_classes=["word"])
    space = space_of(embedding_table({"word": np.eye(3)}, table))

    found = split_classes(space, "word")

    assert found.labels.tolist() == [1, 4]
    np.testing.assert_allclose(found.vectors, [[0, 0, 1], [0.5**0.5, 0.5**0.5, 0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("labels", "of_classes", "arguments", "message"),
    [
        ([-1, -1], ["proto"], {}, "rows of split 'test' have no labels"),
        ([0, 1], [], {}, "no column of split 'test' has items that stand for classes"),
        ([0, 1], ["proto"], {"classes": "image"}, "'image' do not stand for classes; .*: proto"),
        ([0, 0], ["proto"], {}, "1 class of proto; classification needs at least two"),
    ],
)
def test_what_does_not_apply_says_why(
    labels: list[int], of_classes: list[str], arguments: dict[str, Any], message: str
) -> None:
    table = row_table({"image": [0, 1], "proto": [0, 1]}, label=labels, of_classes=of_classes)
    vectors = {"image": np.eye(2), "proto": np.eye(2)}

    with pytest.raises(NotApplicable, match=message):
        ZeroShot(**arguments)(space_of(embedding_table(vectors, table)))
