from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from polymodal_eval.report.charts import (
    confusion_chart,
    figure,
    interval_bar,
    line_chart,
    nice_ticks,
    percent,
    scatter,
    shortened,
    signed,
)
from polymodal_eval.report.projection import Projection
from polymodal_eval.statistics import Estimate


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.4231, "42.3"), (1.0, "100.0"), (0.00333, "0.33"), (0.0, "0.0"), (0.01, "1.0")],
)
def test_shares_are_written_with_the_figures_they_need(value: float, text: str) -> None:
    assert percent(value) == f"{text}\u202f%"
    assert figure(value) == text


def test_unknown_shares_are_a_dash() -> None:
    assert percent(None) == figure(float("nan")) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1234, "+12.3"), (-0.004, "−0.4"), (0.0, "±0.0"), (-0.0004, "±0.0"), (None, "–")],
)
def test_differences_are_written_in_points_with_their_sign(value: float | None, text: str) -> None:
    assert signed(value) == text


def test_a_bar_places_value_interval_and_chance_on_its_scale() -> None:
    bar = ET.fromstring(interval_bar(Estimate(0.25, 0.2, 0.3, 0.1), top=0.5))

    value = bar.find("circle[@class='value']")
    spread = bar.find("line[@class='range']")
    chance = bar.find("line[@class='chance']")
    assert value is not None
    assert spread is not None
    assert chance is not None
    assert float(value.attrib["cx"]) == 100.0
    assert (float(spread.attrib["x1"]), float(spread.attrib["x2"])) == (80.0, 120.0)
    assert float(chance.attrib["x1"]) == 40.0


def test_a_bar_without_interval_or_chance_has_only_its_value() -> None:
    bar = ET.fromstring(interval_bar(Estimate(0.5), top=1.0))

    assert [item.attrib["class"] for item in bar] == ["scale", "value"]


def test_lines_start_at_step_zero_and_names_are_escaped() -> None:
    lines = {"a<b": ((0.0, 0.0), (10.0, 1.0)), "mean": ((0.0, 0.5), (10.0, 0.5)), "none": ()}

    chart = ET.fromstring(
        line_chart(lines, main="mean", label="R@1 & more", shares=True, mark=(10.0, 0.5))
    )

    faint, main = chart.findall("polyline")
    assert faint.find("title").text == "a<b"  # type: ignore[union-attr]
    assert main.attrib["class"] == "main"
    points = [tuple(map(float, pair.split(","))) for pair in main.attrib["points"].split()]
    assert points == [(52.0, 107.0), (512.0, 107.0)]
    assert "100\u202f%" in [item.text for item in chart.findall("text")]
    mark = chart.find("circle")
    assert mark is not None
    assert (float(mark.attrib["cx"]), float(mark.attrib["cy"])) == (512.0, 107.0)


def test_lines_without_a_main_one_have_colours_and_may_start_at_zero() -> None:
    lines = {"positive": ((1.0, 3.0), (10.0, 4.0)), "negative": ((1.0, 3.5), (10.0, 3.5))}

    chart = ET.fromstring(line_chart(lines, main=None, label="pull", from_zero=True))

    drawn = chart.findall("polyline")
    assert [item.attrib["class"] for item in drawn] == ["curve s0", "curve s1"]
    assert [item.find("title").text for item in drawn] == ["positive", "negative"]  # type: ignore[union-attr]
    assert "0" in [item.text for item in chart.findall("text")]


def test_no_points_give_no_chart_and_one_point_gives_one() -> None:
    assert line_chart({"loss": ()}, main="loss", label="loss") == ""
    ET.fromstring(line_chart({"loss": ((0.0, 2.0),)}, main="loss", label="loss"))


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.0, 0.33, [0.0, 0.1, 0.2, 0.3, 0.4]),
        (15.0, 51.0, [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]),
        (2.0, 2.0, [2.0, 3.0]),
    ],
)
def test_ticks_are_round_and_cover_the_range(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high) == pytest.approx(ticks)


def test_scattered_points_take_the_colours_of_their_groups_and_grey_lies_below() -> None:
    projection = Projection(
        np.array([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5]]),
        np.zeros(3, np.int64),
        ("a",),
        np.zeros(3, np.int64),
    )

    chart = ET.fromstring(scatter(projection, [1, -1, 0], label="t-SNE"))

    assert [item.attrib["class"] for item in chart] == ["none", "g1", "g0"]
    assert (chart[1].attrib["cx"], chart[1].attrib["cy"]) == ("8.0", "472.0")


def test_confusions_are_shaded_by_share_of_the_true_class() -> None:
    chart = ET.fromstring(confusion_chart(["a & b", "c"], [[3, 1], [0, 0]]))

    cells = chart.findall("rect")
    assert [cell.attrib["class"] for cell in cells] == ["right", "wrong", "zero", "zero"]
    assert [cell.attrib["fill-opacity"] for cell in cells[:2]] == ["0.75", "0.25"]
    assert cells[1].find("title").text == "a & b taken for c: 1 of 4"  # type: ignore[union-attr]


def test_long_names_are_cut() -> None:
    assert shortened("x" * 56) == "x" * 56
    assert shortened("x" * 80) == "x" * 55 + "…"
    labels = re.findall(r">(x+…?) <tspan", confusion_chart(["x" * 80, "y"], [[1, 0], [0, 1]]))
    assert labels == ["x" * 55 + "…"]


def test_many_classes_are_drawn_small_and_pairs_that_never_occur_not_at_all() -> None:
    size = 100
    counts = np.diag(np.full(size, 3))
    counts[0, 7] = 1

    chart = ET.fromstring(confusion_chart([f"class {n}" for n in range(size)], counts.tolist()))

    cells = chart.findall("rect")
    assert len(cells) == 1 + size + 1
    assert [cell.attrib["class"] for cell in cells[:4]] == ["zero", "right", "wrong", "right"]
    assert cells[2].find("title").text == "class 0 taken for class 7: 1 of 4"  # type: ignore[union-attr]
    assert len(chart.findall("text")) == 20
