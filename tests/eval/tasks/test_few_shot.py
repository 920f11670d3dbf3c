from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from polymodal_eval.results import NotApplicable
from polymodal_eval.space import Space
from polymodal_eval.tasks.classification_config import FewShotConfig
from polymodal_eval.tasks.few_shot import FewShot, drawn_support

from tests.eval.worlds import embedding_table, row_table, scenes, space_of


def noise(*, signal: float, size: int = 60, classes: int = 3, pairs: bool = False) -> Space:
    """Items of classes, in pairs that are one instance and one vector if `pairs`."""
    rng = np.random.default_rng(0)
    instance = np.arange(size) // 2 if pairs else np.arange(size)
    label = instance % classes
    own = rng.normal(size=(size, 16))[instance]
    vectors = signal * np.eye(16)[label] + own
    table = row_table({"image": range(size)}, instance=instance, label=label)
    return space_of(embedding_table({"image": vectors}, table))


def test_more_examples_are_better_and_few_are_above_chance() -> None:
    found = FewShot(shots=(1, 8), draws=10)(noise(signal=2.0))

    lines = {item.gallery: item for item in found.measurements}
    assert len(lines) == 6
    for method in ("linear", "class mean", "neighbours"):
        one, eight = (lines[f"{method}, {n} per class"].estimates["accuracy"] for n in (1, 8))
        assert one.value < eight.value
        assert eight.above_chance
        assert eight.low is not None
        assert eight.high is not None
        assert eight.low < eight.value < eight.high
        assert eight.chance == pytest.approx(1 / 3)


def test_items_of_an_instance_are_never_on_both_sides() -> None:
    """Each vector occurs twice: whoever had seen the twin would be right far above chance."""
    (line,) = FewShot(shots=(5,), methods=("neighbours",), draws=30, neighbours=1)(
        noise(signal=0.0, size=180, pairs=True)
    ).measurements

    assert abs(line.estimates["accuracy"].value - 1 / 3) < 0.06


def test_the_value_is_what_a_loop_over_draws_gives() -> None:
    space = noise(signal=2.0)
    (line,) = FewShot(shots=(2, 4), methods=("class_mean",), draws=6)(space).measurements[:1]

    vectors = space.embeddings.vectors["image"].astype(np.float64)
    label = space.embeddings.table.label
    shares, scores = [], np.zeros((2, len(label)))
    for draw in range(6):
        support = drawn_support(label, np.arange(60), 4, np.random.default_rng([0, draw]))[:, :2]
        means = np.stack([vectors[part].sum(axis=0) for part in support])
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        asked = [n for n in range(60) if n not in support]
        right = [int(np.argmax(means @ vectors[n]) == label[n]) for n in asked]
        shares.append(np.mean(right))
        scores[0, asked] += right
        scores[1, asked] += 1
    assert line.gallery == "class mean, 2 per class"
    assert line.estimates["accuracy"].value == pytest.approx(np.mean(shares))
    assert line.details["draws"] == pytest.approx(shares)
    assert line.queries is not None
    np.testing.assert_allclose(line.queries.score, scores[0] / scores[1])
    assert line.details["scores"]["f1"]["value"] > 0
    assert [row["name"] for row in line.details["classes"]] == ["class 0", "class 1", "class 2"]


def test_support_is_of_distinct_clusters() -> None:
    label = np.repeat([0, 1], 12)
    clusters = np.arange(24) // 3

    for seed in range(20):
        found = drawn_support(label, clusters, 4, np.random.default_rng(seed))
        assert found.shape == (2, 4)
        assert (label[found] == [[0], [1]]).all()
        assert len(np.unique(clusters[found])) == 8


def test_too_few_items_do_not_apply() -> None:
    with pytest.raises(NotApplicable, match=r"0 classes with at least 21 items of image; 2 are"):
        FewShot(shots=(20,))(noise(signal=1.0))


def test_columns_and_repetition() -> None:
    options: dict[str, Any] = {"columns": ("text",), "shots": (1,), "draws": 3}
    task = FewShotConfig.model_validate(options)

    first, again = (task.build()(scenes()).measurements for _ in range(2))

    assert {item.query for item in first} == {"text"}
    assert [item.estimates for item in first] == [item.estimates for item in again]
