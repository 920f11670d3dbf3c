from __future__ import annotations

import pytest
from polymodal_eval.statistics import Estimate
from polymodal_eval.study.fill import Filled
from polymodal_eval.study.numbers import interval, number, printed, spread


@pytest.mark.parametrize(
    ("filled", "written"),
    [
        (Filled(), ("–", "", "")),
        (Filled(Estimate(0.679), metric="r@1"), ("67.9", "", "")),
        (
            Filled(Estimate(0.5, 0.25, 0.75), metric="r@1", runs={"0": 0.6, "1": 0.4}),
            ("50.0", "25.0 – 75.0", "40.0 – 60.0"),
        ),
        (
            Filled(Estimate(-0.05, -0.1, 0.0), metric="r@1", signed=True, runs={"0": -0.05}),
            ("−5.0", "−10.0 to ±0.0", ""),
        ),
        (
            Filled(Estimate(0.136, 0.1, 0.2), metric="r@1", signed=True, relative=True),
            ("+13.6\u202f%", "+10.0\u202f% to +20.0\u202f%", ""),
        ),
        (Filled(Estimate(12.5, 3.0, 20.0), metric="median_rank"), ("12.5", "3.0 – 20.0", "")),
        (Filled(Estimate(-2.0), metric="median_rank", signed=True), ("-2.0", "", "")),
        (Filled(Estimate(float("nan")), signed=True, relative=True), ("–", "", "")),
    ],
)
def test_numbers_in_their_units(filled: Filled, written: tuple[str, str, str]) -> None:
    assert (number(filled), interval(filled), spread(filled)) == written


def test_a_papers_number_is_as_it_is_printed() -> None:
    assert [printed(value) for value in (67.9, -7.0, None)] == ["67.9", "−7.0", "–"]
