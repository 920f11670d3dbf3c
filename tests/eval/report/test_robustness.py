from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from polymodal_eval.report.charts import severity_chart
from polymodal_eval.report.document import document
from polymodal_eval.report.page import render
from polymodal_eval.report.robustness import (
    curves_of,
    pairs_of,
    removal_section,
    robustness_section,
)
from polymodal_eval.report.tiles import tiles
from polymodal_eval.statistics import Estimate
from polymodal_eval.tasks.robustness import Robustness

from tests.eval.report.evaluations import evaluated
from tests.eval.tasks.test_robustness import damaged, triplets


def test_curves_begin_with_the_undamaged_queries() -> None:
    space, _ = damaged()
    result = Robustness(severities=(0.5, 1.0))(space)
    pairs = pairs_of(result.measurements)
    assert list(pairs) == [
        ("image", "text"),
        ("image", "prototypes"),
        ("text", "image"),
        ("text", "prototypes"),
    ]
    curves = curves_of(pairs["image", "text"])
    assert {name: [at for at, _ in curve] for name, curve in curves.items()} == {
        "noise": [0.0, 0.5, 1.0],
        "blank": [0.0, 0.5, 1.0],
    }
    assert curves["noise"][0] == curves["blank"][0]
    assert curves["blank"][2][1] == pairs["image", "text"][4].estimates["r@1"]


def test_a_section_for_each_damaged_column() -> None:
    space, _ = damaged()
    image, text = robustness_section(Robustness(severities=(0.5, 1.0))(space))
    assert (image["query"], image["corruptions"]) == ("image", ["noise", "blank"])
    assert (text["query"], text["severities"]) == ("text", [0.5, 1.0])
    assert [pair["name"] for pair in image["pairs"]] == ["image → text", "image → prototypes"]
    rows = image["pairs"][0]["rows"]
    assert [row["name"] for row in rows] == ["noise", "blank"]
    blank = rows[1]["cells"][-1]
    assert blank[0] == 1.0
    assert rows[1]["lost"].value == pytest.approx(image["pairs"][0]["clean"].value - blank[1].value)


def test_a_chart_places_values_intervals_and_chance() -> None:
    curve = [(0.0, Estimate(0.4, 0.3, 0.5, 0.1)), (1.0, Estimate(0.2, chance=0.1))]
    chart = ET.fromstring(severity_chart({"<noise>": curve, "blur": curve[:1]}, top=0.5, label="x"))
    first, second = chart.findall("circle[@class='g0']")
    bottom, top = 202, 12
    for circle, share in ((first, 0.4), (second, 0.2)):
        assert float(circle.attrib["cy"]) == pytest.approx(
            bottom - (bottom - top) * share / 0.5, abs=0.06
        )
    assert (float(first.attrib["cx"]), float(second.attrib["cx"])) == (50.0, 510.0)
    (spread,) = chart.findall("line[@class='spread s0']")
    assert float(spread.attrib["y1"]) > float(first.attrib["cy"]) > float(spread.attrib["y2"])
    level = chart.find("line[@class='level']")
    assert level is not None
    assert float(level.attrib["y1"]) == pytest.approx(bottom - (bottom - top) * 0.2, abs=0.06)
    title = first.find("title")
    assert title is not None
    assert title.text is not None
    assert title.text.startswith("<noise> 0: 40.0")
    ticks = [element.text for element in chart.findall("text")]
    assert ticks[-6:] == ["0", "0.2", "0.4", "0.6", "0.8", "1"]


def test_the_page_shows_the_curves_and_the_tile_what_is_lost() -> None:
    space, _ = damaged()
    result = Robustness(severities=(0.5, 1.0))(space)
    given = evaluated(results=[result], spaces={"test": space})
    page = render(given, document(given))
    text = re.sub(r"<[^>]*>", " ", page)
    assert "Robustness" in text
    assert "image, damaged" in text
    assert page.count('class="chart"') >= 4
    lost = [
        item.details["lost"]["value"]
        for item in result.measurements
        if item.details["severity"] == 1
    ]
    (tile,) = tiles([result])
    assert tile["value"] == f"−{100 * sum(lost) / len(lost):.1f}"
    assert "mean of 6 curves at severity 1" in tile["note"]


def test_damage_to_combined_queries_stands_by_the_column_that_is_damaged() -> None:
    space, _ = damaged()
    pairs = ((("image",), ("prototypes",)), (("image", "text"), ("prototypes",)))
    result = Robustness(pairs, severities=(1.0,), removal=())(space)
    image, text = robustness_section(result)
    assert (image["query"], text["query"]) == ("image", "text")
    names = [pair["name"] for pair in image["pairs"]]
    assert names == ["image → prototypes", "image + text → prototypes"]
    assert [row["name"] for row in image["pairs"][1]["rows"]] == ["noise", "blank"]
    assert [pair["name"] for pair in text["pairs"]] == ["image + text → prototypes"]
    assert removal_section(result) is None


def test_removal_has_a_colour_for_each_column_in_all_charts() -> None:
    result = Robustness(corruptions=(), removal=(0.5, 1.0))(triplets())
    assert robustness_section(result) == []
    found = removal_section(result)
    assert found is not None
    assert found["corruptions"] == ["without b", "without c", "without a"]
    assert found["severities"] == [0.5, 1.0]
    assert [pair["name"] for pair in found["pairs"]] == ["b + c → a", "a + c → b", "a + b → c"]
    charts = [ET.fromstring(str(pair["chart"])) for pair in found["pairs"]]
    for chart, colours in zip(charts, ((0, 1), (2, 1), (2, 0)), strict=True):
        curves = chart.findall("polyline")
        assert [curve.attrib["class"] for curve in curves] == [
            f"curve s{colour}" for colour in colours
        ]
    ticks = [element.text for element in charts[0].findall("text")]
    assert ticks[-6:] == [f"{share}\u202f%" for share in (0, 20, 40, 60, 80, 100)]


def test_the_page_shows_removal_alone_too() -> None:
    space = triplets()
    result = Robustness(corruptions=(), removal=(1.0,))(space)
    given = evaluated(results=[result], spaces={"test": space})
    page = render(given, document(given))
    assert "A column missing" in page
    assert "Retrieval by damaged queries" not in page
    assert [tile["label"] for tile in tiles([result])] == ["R@1 lost without a column"]
    assert "mean of 6 curves, 100% of its items gone" in tiles([result])[0]["note"]
