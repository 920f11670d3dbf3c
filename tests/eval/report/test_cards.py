from __future__ import annotations

import dataclasses
from typing import Any

from polymodal_eval.report.cards import Cards

from tests.eval.worlds import scenes


def test_cards_hold_a_picture_or_a_text_and_are_made_once() -> None:
    space = scenes()
    asked: list[tuple[str, int]] = []

    def show(column: str, item: int) -> Any:
        asked.append((column, item))
        return space.show(column, item)

    cards = Cards(dataclasses.replace(space, show=show))
    picture, text = cards("image", 3), cards("text", 4)

    assert picture["picture"].startswith("data:image/png;base64,")
    assert (picture["text"], picture["id"], picture["column"]) == ("", "image/3", "image")
    assert (text["picture"], text["text"]) == (None, "caption <b>1</b> & more")
    assert cards("image", 3) is picture
    assert asked == [("image", 3), ("text", 4)]
