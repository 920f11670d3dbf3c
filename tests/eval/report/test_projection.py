from __future__ import annotations

import numpy as np
import pytest
from polymodal_eval.report.projection import project, project_column, row_cosines

from tests.eval.worlds import embedding_table, row_table, scenes, space_of


def test_items_of_all_columns_lie_within_the_frame() -> None:
    space = scenes()

    found = project(space, most=1000)

    assert found is not None
    assert found.columns == ("image", "text", "prototypes")
    assert np.bincount(found.column).tolist() == [24, 48, 4]
    assert found.points.shape == (76, 2)
    assert found.points.min() >= 0.0
    assert found.points.max() <= 1.0
    assert float(np.ptp(found.points, axis=0).max()) > 0.99
    assert found.label[-4:].tolist() == [0, 1, 2, 3]


def test_a_large_split_is_drawn_from_rows_so_that_partners_stay_together() -> None:
    space = scenes(size=200)

    found = project(space, most=90)

    assert found is not None
    counts = np.bincount(found.column)
    assert 90 <= counts.sum() <= 92
    assert counts[1] >= counts[0] >= counts[1] / 2  # one or both captions of a picture
    again = project(space, most=90)
    assert again is not None
    assert np.array_equal(found.points, again.points)


def test_neighbours_stay_neighbours() -> None:
    # Four tight groups in space: each point's nearest in the plane is of its own group.
    rng = np.random.default_rng(0)
    group = np.arange(60) % 4
    vectors = np.eye(8)[group] + 0.02 * rng.normal(size=(60, 8))
    table = row_table({"a": list(range(60))}, label=group)

    found = project(space_of(embedding_table({"a": vectors}, table)))

    assert found is not None
    distances = np.linalg.norm(found.points[:, None] - found.points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (found.label[distances.argmin(1)] == found.label).all()


def test_a_collapsed_space_and_a_tiny_one_do_no_harm() -> None:
    table = row_table({"a": list(range(20))})
    collapsed = project(space_of(embedding_table({"a": np.ones((20, 8))}, table)))

    assert collapsed is not None
    assert np.isfinite(collapsed.points).all()
    assert (
        project(space_of(embedding_table({"a": np.eye(4)}, row_table({"a": [0, 1, 2, 3]})))) is None
    )


def test_a_column_is_laid_out_by_itself() -> None:
    space = scenes(size=40)

    found = project_column(space, "text", most=50)

    assert found is not None
    assert found.columns == ("text",)
    assert len(found.points) == 50
    assert (found.column == 0).all()
    assert set(found.label.tolist()) == {0, 1, 2, 3}
    assert project_column(space, "prototypes") is None


def test_rows_are_joined_that_share_no_item() -> None:
    space = scenes(size=40)

    found = project(space, most=1000)

    assert found is not None
    assert len(found.rows) == 40  # of the two rows of a picture, one
    places = [place for row in found.rows for place in row]
    assert len(set(places)) == len(places)
    table = space.embeddings.table
    starts = {0: 0, 1: 40}
    for row in found.rows:
        assert [found.columns[found.column[place]] for place in row] == ["image", "text"]
        image, text = (place - starts[number] for number, place in enumerate(row))
        assert table.items["image"][table.items["text"] == text] == image


def test_cosines_within_rows_and_across_against_a_reference() -> None:
    rng = np.random.default_rng(3)
    items = {"a": [0, 1, 2, 2, -1, 3], "b": [0, 1, 2, 2, 3, -1], "c": [0, -1, 1, 1, 2, 3]}
    vectors = {name: rng.normal(size=(4, 5)) for name in items}
    space = space_of(embedding_table(vectors, row_table(items)))

    first, second, third = row_cosines(space)

    for found, (a, b) in ((first, "ab"), (second, "ac"), (third, "bc")):
        assert found.columns == (a, b)
        held = sorted(
            {(i, j) for i, j in zip(items[a], items[b], strict=True) if i >= 0 and j >= 0}
        )
        unit = {n: space.embeddings.vectors[n].astype(np.float64) for n in (a, b)}
        within = [unit[a][i] @ unit[b][j] for i, j in held]
        across = [unit[a][p[0]] @ unit[b][q[1]] for p in held for q in held if p != q]
        assert found.within == pytest.approx(np.mean(within))
        assert found.across == pytest.approx(np.mean(across))
