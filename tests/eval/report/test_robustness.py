from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from polymodal_eval.report.charts import severity_chart
from polymodal_eval.report.document import document
from polymodal_eval.report.page import render
from polymodal_eval.report.robustness import curves_of, pairs_of, robustness_section
from polymodal_eval.report.tiles import tiles
from polymodal_eval.statistics import Estimate
from polymodal_eval.tasks.robustness import Robustness

from tests.eval.report.evaluations import evaluated
from tests.eval.tasks.test_robustness import damaged


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
