from __future__ import annotations

import pytest
from polymodal_eval.results import Gain, Measurement, NotApplicable, Skipped, collect, verdict
from polymodal_eval.statistics import Estimate


def line(*gains: float) -> Measurement:
    return Measurement(
        "a + b",
        "c",
        "r@1",
        {"r@1": Estimate(0.6)},
        num_queries=10,
        gains=tuple(
            Gain("a", "c", 0.6 - gain, Estimate(gain, gain - 0.1, gain + 0.1)) for gain in gains
        ),
    )


def test_the_verdict_is_against_the_best_single_column() -> None:
    assert verdict(line(0.5, 0.2)) == "better"
    assert verdict(line(0.5, 0.05)) == ""
    assert verdict(line(0.5, -0.2)) == "worse"
    assert verdict(line()) == ""
    best = line(0.5, 0.05, 0.3).smallest_gain
    assert best is not None
    assert best.difference.value == 0.05
    assert line().smallest_gain is None


def test_what_was_found_is_sorted_and_nothing_at_all_is_not_applicable() -> None:
    skipped = Skipped("a → b", "no a")

    found = collect("retrieval", "test", [skipped, line()])

    assert (len(found.measurements), found.skipped) == (1, (skipped,))
    with pytest.raises(NotApplicable, match=r"^no a$"):
        collect("retrieval", "test", [skipped, skipped])
    with pytest.raises(NotApplicable, match="split 'test' has no columns to measure"):
        collect("retrieval", "test", [])
