from __future__ import annotations

from xml.etree import ElementTree

from polymodal_eval.study.bars import HEIGHT, TOP, Bar, bar_chart


def test_bars_hang_from_zero_and_intervals_fit() -> None:
    bars = [Bar(0.4, 0.3, 0.55, 0, "up"), Bar(-0.2, -0.35, None, 1, "down"), None]
    chart = ElementTree.fromstring(bar_chart([("one <pair>", bars)], label="a & b"))
    assert chart.get("aria-label") == "a & b"
    up, down = (group.find("rect") for group in chart.findall("g"))
    assert up is not None
    assert down is not None
    zero = float(up.get("y", "")) + float(up.get("height", ""))
    assert abs(zero - float(down.get("y", ""))) < 0.11
    assert float(up.get("height", "")) > float(down.get("height", ""))
    (whisker,) = chart.findall("g/line")  # the second has half an interval
    top, bottom = float(whisker.get("y2", "")), float(whisker.get("y1", ""))
    assert TOP <= top < float(up.get("y", "")) < bottom <= TOP + HEIGHT
    ticks = [item.text for item in chart.findall("text")]
    assert "0\u202f%" in ticks
    assert "one <pair>" in ticks


def test_nothing_to_draw() -> None:
    assert bar_chart([("a", [None])], label="x") == ""


def test_ranks_are_no_percentages() -> None:
    chart = bar_chart([("a", [Bar(12.0, None, None, 9, "x")])], label="x", percent=False)
    assert "%" not in chart
    assert 'class="g1"' in chart
