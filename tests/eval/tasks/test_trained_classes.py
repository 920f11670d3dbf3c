"""Classification by trained class layers: columns, whole rows, and rows that lose a column."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import UnknownNameError
from polymodal_eval.comparison.compare import compare
from polymodal_eval.evaluation import check_columns
from polymodal_eval.results import Measurement, NotApplicable
from polymodal_eval.space import Space
from polymodal_eval.tasks.classification_config import ClassificationConfig
from polymodal_eval.tasks.trained_classes import TrainedClasses

from tests.eval.comparison.saved import saved
from tests.eval.worlds import embedding_table, row_table, scenes, space_of

CLASSES, SIZE = 4, 60


def world(*, seed: int = 0, columns: tuple[str, ...] = ("image", "text")) -> Space:
    """Pictures that say half of the class and texts that say all of it; some rows lack one."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, CLASSES, size=SIZE)
    label[:3] = -1
    centres = np.eye(CLASSES)
    noise = {"image": 0.6, "text": 0.2}
    vectors = {
        name: centres[label] + noise[name] * np.random.default_rng([seed, k]).normal(size=(SIZE, 4))
        for k, name in enumerate(("image", "text"))
        if name in columns
    }
    items = {name: np.arange(SIZE) for name in columns}
    if "text" in columns:
        items["text"] = np.where(np.arange(SIZE) % 10 == 7, -1, items["text"])
    table = row_table(items, instance=np.arange(SIZE), label=label)

    def classify(columns: tuple[str, ...], vectors: Any) -> Any:
        return vectors @ centres.astype(np.float32)

    space = space_of(embedding_table(vectors, table))
    return replace(space, classify=classify, rows=np.arange(100, 100 + SIZE))


def by_name(space: Space, **options: Any) -> dict[str, Measurement]:
    return {item.query: item for item in TrainedClasses(**options)(space).measurements}


def test_lines_are_columns_combinations_and_rows() -> None:
    found = by_name(world(), swapped=(1.0,))
    assert list(found) == [
        "image",
        "text",
        "image + text",
        "row",
        "row, 50 % without text",
        "row, 100 % without text",
        "row, 100 % with another's text",
    ]
    assert {item.gallery for item in found.values()} == {"label"}
    assert found["row"].num_queries == SIZE - 3
    assert found["row"].num_left_out == 3
    assert found["image + text"].num_queries < SIZE - 3
    assert set(found["row"].estimates) == {"accuracy", "precision", "recall", "f1", "f1_weighted"}
    assert found["row"].details["confusion"]["names"] == [f"class {k}" for k in range(CLASSES)]
    assert found["row"].details["classes"][0].keys() >= {"name", "queries", "accuracy", "f1"}


def test_accuracy_and_gain_are_means_over_the_same_rows() -> None:
    space = world()
    found = by_name(space)
    table, vectors = space.embeddings.table, space.embeddings.vectors
    labelled = table.label >= 0
    image = vectors["image"].argmax(axis=1) == table.label
    assert found["image"].estimates["accuracy"].value == pytest.approx(image[labelled].mean())
    gain = next(item for item in found["row"].gains if item.query == "image")
    row = found["row"].estimates["accuracy"].value
    assert gain.value == pytest.approx(image[labelled].mean())
    assert gain.difference.value == pytest.approx(row - image[labelled].mean())
    assert gain.difference.low is not None
    assert gain.difference.low > 0  # a text says more


def test_without_its_auxiliary_a_row_is_its_picture() -> None:
    found = by_name(world(), missing=(0.5, 1.0), swapped=(1.0,))
    gone, image = found["row, 100 % without text"], found["image"]
    assert gone.estimates["accuracy"].value == image.estimates["accuracy"].value
    assert gone.gains[0].difference.value == 0
    values = [found[name].estimates["accuracy"].value for name in (
        "row, 100 % with another's text", "row, 100 % without text", "row, 50 % without text", "row"
    )]  # fmt: skip
    assert values == sorted(values)
    assert len(set(values)) == 4
    assert found["row, 50 % without text"].protocol["share"] == 0.5


def test_rows_that_share_an_item_are_drawn_together() -> None:
    space = world()
    items = dict(space.embeddings.table.items)
    items["text"] = np.where(items["text"] >= 0, items["text"] // 6, -1)  # few texts, of many rows
    table = replace(space.embeddings.table, items=items, instance=np.full(SIZE, -1))
    shared = replace(space, embeddings=replace(space.embeddings, table=table))
    queries = by_name(shared)["row"].queries
    assert queries is not None
    assert len(np.unique(queries.cluster)) == 10 + 6  # of ten texts, and of the rows without any
    assert queries.id[0] == "row 103"


def test_runs_of_other_columns_are_compared_row_by_row(tmp_path: Path) -> None:
    both, alone = world(), world(columns=("image",))
    reports = [
        saved(tmp_path / name, [TrainedClasses()(space)], space)
        for name, space in (("both", both), ("alone", alone))
    ]
    found = compare([reports[0]], [reports[1]])
    lines = {item.line.content["query"]: item for item in found.compared}
    assert lines.keys() == {"row", "image"}
    differences = {item.metric: item for item in lines["row"].differences}
    assert differences.keys() == {"accuracy", "precision", "recall", "f1", "f1_weighted"}
    first, second = (by_name(space)["row"] for space in (both, alone))
    for metric, item in differences.items():
        values = first.estimates[metric].value, second.estimates[metric].value
        assert item.first[0] == pytest.approx(values[0])
        assert item.difference.value == pytest.approx(values[0] - values[1])
        assert item.difference.low is not None
        assert item.difference.low < item.difference.value
    assert all(item.difference.value == 0 for item in lines["image"].differences)


def test_what_cannot_be_measured_is_told() -> None:
    with pytest.raises(NotApplicable, match="the run's objective has learned no classes"):
        TrainedClasses()(scenes())
    space = world()
    table = replace(space.embeddings.table, label=np.full(SIZE, -1))
    with pytest.raises(NotApplicable, match="have no labels"):
        TrainedClasses()(replace(space, embeddings=replace(space.embeddings, table=table)))
    with pytest.raises(UnknownNameError, match="no column 'txt'"):
        check_columns([ClassificationConfig(remove=("txt",))], ["image", "text"])


def test_options_reach_the_task() -> None:
    config = ClassificationConfig(inputs=("image",), remove=("text",), missing=(1.0,))
    found = [item.query for item in config.build()(world()).measurements]
    assert found == ["image", "row", "row, 100 % without text"]
