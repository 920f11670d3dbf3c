from __future__ import annotations

import pytest
from polymodal_datasets.importers.cells import BadCell
from polymodal_datasets.importers.templates import parse_template


def test_columns_in_braces_are_filled() -> None:
    template = parse_template("{a}/{b c}-{a}.jpg")
    assert template.columns == ("a", "b c")
    assert template.fill({"a": " x ", "b c": 2}) == "x/2-x.jpg"


def test_one_empty_cell_makes_the_whole_missing() -> None:
    assert parse_template("{a}/{b}.jpg").fill({"a": "x", "b": " "}) is None
    assert parse_template("{a}").fill({}) is None


def test_numbers_are_padded() -> None:
    template = parse_template("frame-{n:06d}.png")
    assert template.fill({"n": "12"}) == "frame-000012.png"
    assert template.fill({"n": 12.0}) == "frame-000012.png"
    with pytest.raises(BadCell, match="'x' is no whole number") as caught:
        template.fill({"n": "x"})
    assert caught.value.columns == ("n",)


def test_braces_of_the_text_itself_are_written_twice() -> None:
    assert parse_template("{{{a}}}").fill({"a": "x"}) == "{x}"


def test_a_column_name_may_hold_a_colon() -> None:
    assert parse_template("{front:image}").columns == ("front:image",)


@pytest.mark.parametrize("text", ["{a", "a}", "{a}}{", "{}", "{ }"])
def test_braces_without_partner_or_name_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="brace"):
        parse_template(text)


def test_several_values_of_a_cell_fill_the_template_one_by_one() -> None:
    template = parse_template("images/{a}.jpg")
    assert template.fill_each({"a": "1;2"}, ";") == ["images/1.jpg", "images/2.jpg"]
    assert template.fill_each({"a": ["1", "2"]}, None) == ["images/1.jpg", "images/2.jpg"]
    assert template.fill_each({"a": ""}, ";") == []
    assert parse_template("{a}{b}").fill_each({"a": "1;2", "b": "3"}, None) == ["1;23"]


def test_a_list_where_one_value_is_wanted_names_its_column() -> None:
    with pytest.raises(BadCell) as caught:
        parse_template("{a}{b}").fill({"a": "1", "b": ["2"]})
    assert caught.value.columns == ("b",)
    with pytest.raises(BadCell) as caught:
        parse_template("{b}").fill_each({"b": [["2"]]}, None)
    assert caught.value.columns == ("b",)
