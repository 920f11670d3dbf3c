from __future__ import annotations

import xml.etree.ElementTree as ET

from polymodal_eval.report.heat_map import CELL, Cell, heat_map


def test_cells_stand_in_the_row_of_their_query_and_the_column_of_their_gallery() -> None:
    cells = [
        Cell(("a",), ("b",), 0.25, "a to b"),
        Cell(("b",), ("a",), 1.0, "b <to> a", marked=True),
        Cell(("a",), ("b", "c"), 0.5, "a to both"),
    ]

    chart = ET.fromstring(heat_map(cells, label="all & more"))

    groups = chart.findall("g")
    titles = [group.find("title").text for group in groups]  # type: ignore[union-attr]
    assert titles == ["a to b", "b <to> a", "a to both"]
    places = [
        (float(rect.attrib["x"]), float(rect.attrib["y"]))
        for group in groups
        if (rect := group.find("rect[@class='heat']")) is not None
    ]
    left, top = places[1][0], places[0][1]
    # Columns follow the order of the rows: a, b, then combinations.
    assert places == [(left + CELL, top), (left, top + CELL), (left + 2 * CELL, top)]
    shares = [group.find("text").text for group in groups]  # type: ignore[union-attr]
    assert shares == ["25", "100", "50"]
    assert [group.find("rect[@class='ring']") is not None for group in groups] == [
        False,
        True,
        False,
    ]


def test_dots_say_which_columns_a_gallery_is_made_of() -> None:
    cells = [Cell(("a",), ("b",), 0.1, ""), Cell(("a",), ("b", "c"), 0.2, "")]

    chart = ET.fromstring(heat_map(cells, label="l"))

    dots = [item.attrib["class"] for item in chart.findall("circle")]
    names = [item.text for item in chart.findall("text")]
    assert names == ["b", "c", "a", "a"]  # three lines of dots, then the row
    assert dots == ["dot", "dot", "hole", "dot", "hole", "hole"]
