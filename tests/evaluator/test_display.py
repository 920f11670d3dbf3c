from __future__ import annotations

import dataclasses
import io

from polymodal_eval.results import Gain, Measurement, Skipped, TaskResult
from polymodal_eval.statistics import Estimate
from polymodal_eval.trained_pairs import Pairs
from polymodal_evaluator.display import FIRST_GAINS, LAST_GAINS, Display
from rich.console import Console


def result(*, name: str = "image") -> TaskResult:
    measured = Measurement(
        name,
        "text",
        "r@1",
        {"r@1": Estimate(0.1234, 0.1, 0.15, 0.002), "r@5": Estimate(0.5), "map": Estimate(0.3)},
        num_queries=1500,
    )
    return TaskResult("retrieval", "test", (measured,), (Skipped("a → b", "no [right] answer"),))


def printed(*, quiet: bool = False, width: int = 80, name: str = "image") -> str:
    buffer = io.StringIO()
    display = Display(quiet=quiet, console=Console(file=buffer, width=width))
    display.results([result(name=name)])
    return buffer.getvalue()


def test_a_table_holds_value_interval_chance_and_queries() -> None:
    line = next(line for line in printed().splitlines() if "image → text" in line)

    assert line.split() == [
        "image",
        "→",
        "text",
        "12.3",
        "10.0",
        "–",
        "15.0",
        "50.0",
        "0.20",
        "1,500",
    ]


def test_what_was_skipped_is_said_with_its_reason() -> None:
    assert "not measured: a → b: no [right] answer" in printed()


def test_quiet_prints_no_table() -> None:
    assert printed(quiet=True) == ""


def test_figures_are_never_cut_by_a_long_name() -> None:
    text = printed(name="a_column_with_a_name_that_is_longer_than_anybody_should_give_to_a_column")

    assert "10.0 – 15.0" in text
    assert "1,500" in text


def lines_of(result: TaskResult, trained: Pairs | None = None) -> list[list[str]]:
    buffer = io.StringIO()
    Display(console=Console(file=buffer, width=120)).results([result], trained)
    return [line.split() for line in buffer.getvalue().splitlines() if line.strip()]


def pair(query: str, gallery: str, value: float) -> Measurement:
    return Measurement(
        query,
        gallery,
        "r@1",
        {"r@1": Estimate(value, value - 0.01, value + 0.01, 0.01)},
        num_queries=9,
        query_columns=(query,),
        gallery_columns=(gallery,),
    )


def test_emergent_pairs_stand_below_the_trained_ones_with_means_of_their_own() -> None:
    lines = [pair("text", "depth", 0.1), pair("image", "text", 0.5), pair("depth", "text", 0.3)]
    result = TaskResult("retrieval", "test", tuple(lines))

    apart = lines_of(result, frozenset({frozenset({"image", "text"})}))

    starts = [line[:3] for line in apart[3:]]
    assert starts == [
        ["trained", "pairs", "50.0"],
        ["image", "→", "text"],
        ["emergent", "pairs,", "never"],
        ["text", "→", "depth"],
        ["depth", "→", "text"],
    ]
    assert "20.0" in apart[5]
    assert not any("emergent" in line for line in lines_of(result))


def enriched(number: int, gain: float) -> Measurement:
    difference = Estimate(gain, gain - 0.05, gain + 0.05)
    return Measurement(
        f"a + b{number}",
        "c",
        "r@1",
        {"r@1": Estimate(0.5)},
        num_queries=7,
        gains=(
            Gain("a", "c", 0.1, Estimate(0.9)),
            Gain(f"b{number}", "c", 0.5 - gain, difference),
        ),
    )


def test_enrichment_shows_the_largest_gains_and_losses_against_the_best_single_column() -> None:
    gains = [number / 100 for number in range(-15, 16)]
    lines = (pair("a", "c", 0.5), *(enriched(n, gain) for n, gain in enumerate(gains)))

    found = lines_of(TaskResult("enrichment", "test", lines))

    title = " ".join(found[0] + found[1])
    assert "10 of 31 combinations beat the best of their single columns, 10 are worse" in title
    rows = [line for line in found if line[:2] == ["a", "+"]]
    assert [row[2] for row in rows] == [
        *(f"b{n}" for n in range(30, 30 - FIRST_GAINS, -1)),
        *(f"b{n}" for n in range(LAST_GAINS - 1, -1, -1)),
    ]
    assert rows[0][5:] == ["50.0", "b30", "→", "c", "35.0", "+15.0", "+10.0", "to", "+20.0", "7"]
    assert any(
        f"{31 - FIRST_GAINS - LAST_GAINS} more in the report" in " ".join(row) for row in found
    )


def test_few_combinations_are_all_shown() -> None:
    found = lines_of(TaskResult("enrichment", "test", (enriched(1, 0.1), enriched(2, 0.2))))

    assert [line[2] for line in found if line[:2] == ["a", "+"]] == ["b2", "b1"]
    assert not any("more" in line for line in found)


def damaged(corruption: str, severity: float, value: float) -> Measurement:
    lost = {"value": 0.5 - value, "low": 0.5 - value - 0.1, "high": 0.5 - value + 0.1}
    details = {"corruption": corruption, "severity": severity}
    return Measurement(
        "a" if corruption == "clean" else f"a ({corruption} {severity:g})",
        "b",
        "r@1",
        {"r@1": Estimate(value)},
        num_queries=7,
        query_columns=("a",),
        gallery_columns=("b",),
        details=details if corruption == "clean" else {**details, "lost": lost},
    )


def test_robustness_has_a_line_for_each_kind_of_damage_and_what_is_lost_at_the_last() -> None:
    lines = (
        damaged("clean", 0.0, 0.5),
        damaged("noise", 0.5, 0.4),
        damaged("noise", 1.0, 0.2),
        damaged("blur", 1.0, 0.45),
    )
    found = lines_of(TaskResult("robustness", "test", lines))
    rows = [line for line in found if line[:3] == ["a", "→", "b"]]
    assert rows == [
        ["a", "→", "b", "noise", "50.0", "40.0", "20.0", "+30.0", "+20.0", "to", "+40.0"],
        ["a", "→", "b", "blur", "50.0", "45.0", "+5.0", "−5.0", "to", "+15.0"],
    ]


def test_a_missing_column_has_a_line_of_its_own() -> None:
    clean = damaged("clean", 0.0, 0.5)
    gone = damaged("removed", 1.0, 0.2)
    gone = dataclasses.replace(gone, details={**gone.details, "column": "c"})
    found = lines_of(TaskResult("robustness", "test", (clean, gone)))
    assert [line for line in found if line[:3] == ["a", "→", "b"]] == [
        ["a", "→", "b", "without", "c", "50.0", "20.0", "+30.0", "+20.0", "to", "+40.0"]
    ]
