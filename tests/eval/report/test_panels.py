from __future__ import annotations

import numpy as np
from polymodal_eval.report.evaluated import Evaluated
from polymodal_eval.report.panels import frequent_labels, space_panels
from polymodal_eval.report.projection import Projection

from tests.eval.worlds import embedding_table, row_table, scenes, space_of


def test_each_column_has_a_panel_of_its_own_beside_the_joint_ones() -> None:
    found = space_panels(Evaluated("r", [], {"test": scenes()}))

    assert found is not None
    assert found["by_column"]["legend"] == ["image", "text", "prototypes"]
    # Four prototypes are too few to lay out.
    assert [(item["column"], item["size"]) for item in found["alone"]] == [
        ("image", 24),
        ("text", 48),
    ]
    chart = str(found["alone"][0]["chart"])
    assert chart.count("<circle") == 24
    assert all(f'class="g{number}"' in chart for number in range(4))
    assert found["by_class"]["left_out"] == "a thing of <kind>"


def test_without_labels_a_columns_panel_has_the_columns_colour() -> None:
    rng = np.random.default_rng(0)
    table = row_table({"a": list(range(20)), "b": list(range(20))})
    vectors = {"a": rng.normal(size=(20, 4)), "b": rng.normal(size=(20, 4))}
    space = space_of(embedding_table(vectors, table))

    found = space_panels(Evaluated("r", [], {"test": space}))

    assert found is not None
    assert found["by_class"] is None
    assert 'class="g1"' in str(found["alone"][1]["chart"])
    assert 'class="g0"' not in str(found["alone"][1]["chart"])


def test_too_few_items_give_no_panels() -> None:
    space = space_of(embedding_table({"a": np.eye(3)}, row_table({"a": [0, 1, 2]})))

    assert space_panels(Evaluated("r", [], {"test": space})) is None


def test_the_most_frequent_classes_get_the_colours() -> None:
    label = np.array([9, 9, 9, 4, 4, 1, -1, 0, 2, 3, 5, 6, 7, 8])
    projection = Projection(np.zeros((14, 2)), np.zeros(14, np.int64), ("a",), label)

    assert frequent_labels(projection) == ([9, 4, 0, 1, 2, 3, 5, 6], 10)
