from __future__ import annotations

from PIL import ImageFont
from polymodal_datasets.fonts import _fonts, _has, font_for


def test_english_is_written_in_pillows_own_font() -> None:
    assert font_for("a small red cube, 3 m away", 15) is _fonts(15)[0]
    assert font_for("", 15) is _fonts(15)[0]


def test_letters_that_a_font_lacks_are_noticed() -> None:
    own = _fonts(15)[0]
    assert _has(own, "a")
    assert not _has(own, "\U0010fffd")


def test_other_letters_get_a_font_that_has_them() -> None:
    text = "Glückskeks, cœur, corazón"
    having = [font for font in _fonts(15) if all(_has(font, x) for x in text if x != " ")]
    expected = having[0] if having else _fonts(15)[0]
    assert font_for(text, 15) is expected
    assert isinstance(expected, ImageFont.FreeTypeFont)


def test_the_font_with_most_letters_is_taken_where_none_has_all() -> None:
    assert font_for("cube \U0010fffd", 15) is _fonts(15)[0]
