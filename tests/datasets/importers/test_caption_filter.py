from __future__ import annotations

import pytest
from polymodal_datasets.importers.caption_filter import NOISY, SHORT, CaptionFilter


@pytest.mark.parametrize(
    ("caption", "fault"),
    [
        ("a dog on the beach", None),
        ("Ein Mädchen läuft schnell", None),
        ("actor attends the premiere .", None),
        ("people in 2014 , at the fair", None),
        ("dog", SHORT),
        ("a dog", SHORT),
        ("a - dog ...", SHORT),
        ("photo from www.example.com here", NOISY),
        ("see https://x.y/z for more", NOISY),
        ("write to me@here.org today please", NOISY),
        ("img_0234.jpg on the left side", NOISY),
        ("a <b>dog</b> on grass", NOISY),
        ("salt &amp; pepper on table", NOISY),
        ("1 2 3 4 5 buy now", NOISY),
        ("$$$ wow *** so ### cheap", NOISY),
        ("5 < 6 and so on it goes", None),
    ],
)
def test_what_is_left_out(caption: str, fault: str | None) -> None:
    assert CaptionFilter().fault(caption) == fault


def test_options() -> None:
    assert CaptionFilter(min_words=1).fault("dog") is None
    assert CaptionFilter(min_words=1, max_symbols=1).fault("12345") is None
    assert CaptionFilter(addresses=True).fault("a <b>dog</b> on grass") is None
    # The share is of all visible characters: 3 of 10 are no letters.
    assert CaptionFilter(max_symbols=0.3).fault("abc defg 123") is None
    assert CaptionFilter(max_symbols=0.29).fault("abc defg 123") == NOISY
