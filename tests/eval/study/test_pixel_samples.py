"""Mean IoU in the tables of a study: over all pixels of the pictures that are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from polymodal_eval.comparison.reports import Line, Report
from polymodal_eval.pixel_counts import PixelCounts, count_pixels
from polymodal_eval.study.formulas import Difference, Mean, by_run, estimates
from polymodal_eval.study.samples import Sample

CLASSES = 4


def sample(seed: int, query: str = "row") -> Sample:
    rng = np.random.default_rng(5)
    actual = rng.integers(0, CLASSES, size=(8, 5, 5))
    runs: list[PixelCounts] = []
    for run in range(2):
        noise = np.random.default_rng([seed, run])
        wrong = noise.integers(0, CLASSES, size=actual.shape)
        predicted = np.where(noise.random(actual.shape) < 0.6, actual, wrong)
        runs.append(count_pixels(actual, predicted, CLASSES))
    content: Any = {"query": query, "gallery": "segmentation"}
    report: Any = Report
    return Sample(
        Line("segmentation", "test", content),
        report,
        "pixels",
        np.zeros((2, 8)),
        np.arange(8),
        np.arange(8),
        tuple((str(place), place) for place in range(8)),
        ("0", "1"),
        None,
        tuple(runs),
        "mean_iou",
    )


def test_values_are_of_all_pixels_and_differences_are_paired() -> None:
    one, other = sample(0), sample(1)
    values = [float(part.total().scores()["mean_iou"]) for part in one.pixels]
    assert one.by_run.tolist() == pytest.approx(values)
    formula = Mean((one,))
    assert by_run(formula) == pytest.approx(dict(zip(("0", "1"), values, strict=True)))
    (found,) = estimates([formula], resamples=200)
    assert found.value == pytest.approx(np.mean(values))
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    (same,) = estimates([Difference(formula, Mean((one,)))], resamples=50)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    (less,) = estimates([Difference(formula, Mean((other,)))], resamples=50)
    assert less.value == pytest.approx(np.mean(values) - other.by_run.mean())


def test_some_pictures() -> None:
    places = np.array([3, 1])
    taken = sample(0).taken(places)
    assert taken.by_run[0] == pytest.approx(
        float(sample(0).pixels[0].take(places).total().scores()["mean_iou"])
    )
