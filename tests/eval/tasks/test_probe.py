from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from polymodal_eval.results import NotApplicable
from polymodal_eval.space import Space
from polymodal_eval.tasks.probe import Probe

from tests.eval.worlds import embedding_table, row_table, space_of


def space(labels: Any, vectors: Any, *, instance: Any = None) -> Space:
    table = row_table({"image": list(range(len(labels)))}, label=labels, instance=instance)
    return space_of(embedding_table({"image": vectors}, table))


def blobs(labels: Any, noise: float, *, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(int(max(labels)) + 1, 8))
    return centres[labels] + noise * rng.normal(size=(len(labels), 8))


def test_separable_classes_are_learned_and_noise_is_not() -> None:
    labels = np.arange(120) % 3
    learned = Probe(repeats=2)(space(labels, blobs(labels, 0.1))).measurements
    noise = Probe(repeats=2)(space(labels, np.random.default_rng(1).normal(size=(120, 8))))

    assert [line.name for line in learned] == ["image → linear probe", "image → class mean probe"]
    for line in learned:
        assert line.estimates["accuracy"].value > 0.98
    for line in noise.measurements:
        assert line.estimates["accuracy"].value < 0.55
        assert line.estimates["accuracy"].above_chance is not True


def test_classes_with_too_few_items_take_no_part_and_chance_is_the_largest() -> None:
    labels = np.array([0] * 30 + [1] * 15 + [2] * 9 + [-1] * 4)
    vectors = np.abs(blobs(np.maximum(labels, 0), 0.5))

    (line,) = Probe(methods=("class_mean",), repeats=1)(space(labels, vectors)).measurements

    assert (line.num_queries, line.num_left_out, line.num_candidates) == (45, 13, 2)
    assert line.estimates["accuracy"].chance == pytest.approx(30 / 45)
    assert line.estimates["t1"].chance == pytest.approx(1 / 2)
    assert [item["name"] for item in line.details["classes"]] == ["class 0", "class 1"]
    assert line.queries is not None
    assert len(line.queries.item) == 45


def test_items_of_one_instance_never_lie_on_both_sides() -> None:
    # Twins differ from all else, and labels are random: only a leak between folds scores high.
    rng = np.random.default_rng(2)
    twins = np.repeat(np.arange(40), 2)
    labels = rng.integers(0, 2, 40)[twins]
    vectors = rng.normal(size=(40, 64))[twins]
    probe = Probe(methods=("linear",), strength=1e4, repeats=1)

    together = probe(space(labels, vectors, instance=twins)).measurements[0]
    apart = probe(space(labels, vectors)).measurements[0]

    assert apart.estimates["accuracy"].value > 0.85
    assert together.estimates["accuracy"].value < 0.75


def test_repeats_draw_other_folds_and_the_seed_repeats_them() -> None:
    labels = np.arange(60) % 3
    world = space(labels, blobs(labels, 2.5))
    first, again = (Probe(repeats=3)(world).measurements[0].queries for _ in range(2))

    assert first is not None
    assert again is not None
    assert first.score.tolist() == again.score.tolist()
    assert {round(score * 3, 6) for score in first.score.tolist()} - {0.0, 3.0}


def test_nothing_to_probe_says_why() -> None:
    with pytest.raises(NotApplicable, match="1 class with at least 10 items of image"):
        Probe()(space(np.zeros(20, int), np.random.default_rng(0).normal(size=(20, 3))))
