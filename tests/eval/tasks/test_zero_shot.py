from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from polymodal_eval.results import NotApplicable
from polymodal_eval.space import LabelledVectors, Space
from polymodal_eval.tasks.zero_shot import ZeroShot, split_classes

from tests.eval.worlds import embedding_table, row_table, scenes, space_of, unit

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


def two_views() -> Space:
    """Four classes told apart by two columns together: either column alone knows one bit."""
    label = np.arange(16) % 4
    first, second = np.eye(4)[[0, 0, 1, 1]], np.eye(4)[[2, 3, 2, 3]]
    shapes = np.insert(np.arange(15), 5, -1)  # row 5 has no shape
    table = row_table(
        {"shape": shapes, "colour": np.arange(16), "proto": label},
        label=label,
        of_classes=["proto"],
    )
    vectors = {
        "shape": first[np.delete(label, 5)],
        "colour": second[label],
        "proto": first + second,
    }
    return space_of(embedding_table(vectors, table))


def test_inputs_are_combinations_of_columns_and_rows_that_lack_one_take_no_part() -> None:
    found = ZeroShot((("shape",), ("colour",), ("shape", "colour")))(two_views())

    values = {line.query: line for line in found.measurements}
    assert list(values) == ["shape", "colour", "shape + colour"]
    # A single column ties the right class with a wrong one, and a tie never helps.
    assert values["shape"].estimates["accuracy"].value == 0.0
    assert values["colour"].estimates["t1"].value == 0.0
    both = values["shape + colour"]
    assert both.estimates["accuracy"].value == both.estimates["t1"].value == 1.0
    assert (both.num_queries, values["colour"].num_queries) == (15, 16)
    assert both.details["rows_left_out"] == {"query": 1}
    assert both.query_columns == ("shape", "colour")
    assert both.gallery_columns == ("proto",)
    assert both.queries is not None
    assert both.queries.labels is not None
    assert [part.tolist() for part in both.queries.labels[:6]] == [[0], [1], [2], [3], [0], [2]]


def test_t1_of_a_combination_is_the_mean_over_classes_in_float64() -> None:
    space = scenes(size=50, classes=7)
    table, vectors = space.embeddings.table, space.embeddings.vectors

    (line,) = ZeroShot((("image", "text"),))(space).measurements

    right: dict[int, list[float]] = {}
    for image, text, label in sorted(
        set(zip(table.items["image"], table.items["text"], table.label, strict=True))
    ):
        one = vectors["image"][image].astype(np.float64) + vectors["text"][text]
        scores = vectors["prototypes"].astype(np.float64) @ one
        right.setdefault(int(label), []).append(float(scores.argmax() == label))
    assert line.estimates["t1"].value == pytest.approx(
        np.mean([np.mean(part) for part in right.values()])
    )
    assert line.num_queries == 100


def test_all_inputs_are_every_combination_of_columns_that_are_not_of_classes() -> None:
    found = ZeroShot("all")(two_views())

    assert [line.query for line in found.measurements] == ["shape", "colour", "shape + colour"]


def test_an_input_that_holds_the_classes_is_refused_and_one_without_rows_skipped() -> None:
    found = ZeroShot((("proto", "shape"), ("colour",)))(two_views())
    assert [(item.what, item.reason) for item in found.skipped] == [
        ("proto + shape → proto", "proto + shape holds the answer")
    ]
    table = row_table(
        {"a": [0, 1, -1], "b": [-1, -1, 0], "proto": [0, 1, 0]},
        label=[0, 1, 0],
        of_classes=["proto"],
    )
    vectors = {"a": np.eye(2), "b": np.eye(1, 2), "proto": np.eye(2)}
    found = ZeroShot("all")(space_of(embedding_table(vectors, table)))
    assert [(item.what, item.reason) for item in found.skipped] == [
        ("a + b → proto", "no row of split 'test' has a + b")
    ]
