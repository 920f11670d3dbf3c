from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
from polymodal_core.geometry import WHOLE, Crop
from polymodal_eval.attention import Attention
from polymodal_eval.report.attention import SHOWN, attention_section, drawn_rows
from polymodal_eval.report.attention_maps import SIDE, picture_map, strip, words
from polymodal_eval.report.document import document
from polymodal_eval.report.evaluated import Evaluated
from polymodal_eval.report.page import render
from polymodal_eval.space import Space

from tests.eval.report.evaluations import evaluated
from tests.eval.worlds import scenes

SPANS = ((0, 7), (8, 11), (11, 14), (0, 0))


def attended(given: Any = None) -> Space:
    """Scenes of a model that looks at four cells of a picture and four tokens of a text."""

    def attend(columns: tuple[str, ...], items: Any) -> list[dict[str, Attention]]:
        found = {
            "image": Attention(0.2, np.array([0.1, 0.4, 0.0, 0.1]), (2, 2)),
            "text": Attention(0.3, np.array([0.1, 0.02, 0.08, 0.05])),
            "prototypes": Attention(0.9, np.zeros(0)),
        }
        return [found if given is None else given for _ in items]

    space = scenes()
    embeddings = dataclasses.replace(space.embeddings, attend=attend)
    return dataclasses.replace(
        space, embeddings=embeddings, spans=lambda column, item: SPANS if column == "text" else None
    )


def section_of(space: Space) -> dict[str, Any]:
    found = attention_section(Evaluated("r", [], {"test": space}))
    assert found is not None
    return found


def test_a_model_without_fusion_has_no_section() -> None:
    assert attention_section(Evaluated("r", [], {"test": scenes()})) is None


def test_rows_are_of_different_instances_and_have_all_columns() -> None:
    space = scenes(size=50)
    columns, items = drawn_rows(space)
    assert columns == ("image", "text", "prototypes")
    assert len(items) == 50
    assert len(set(items[:, 0].tolist())) == 50
    table = space.embeddings.table
    for image, text, prototype in items[:5].tolist():
        row = int(np.flatnonzero(table.items["text"] == text)[0])
        assert (table.items["image"][row], table.items["prototypes"][row]) == (image, prototype)


def test_rows_that_lack_a_column_are_passed_over() -> None:
    space = scenes()
    table = space.embeddings.table
    text = np.where(np.arange(len(table)) % 3 == 0, table.items["text"], -1)
    changed = dataclasses.replace(table, items={**table.items, "text": text})
    embeddings = dataclasses.replace(space.embeddings, table=changed)
    _, items = drawn_rows(dataclasses.replace(space, embeddings=embeddings))
    assert (items >= 0).all()
    assert set(items[:, 1].tolist()) <= set(range(0, len(table), 3))


def test_the_section_says_what_has_no_tokens() -> None:
    found = section_of(attended())
    assert found["tokenless"] == ["prototypes"]
    assert len(found["rows"]) == SHOWN
    image, text = found["rows"][0]
    assert (image["column"], text["column"]) == ("image", "text")
    assert image["picture"] is not None
    assert text["special"] == pytest.approx(0.05)
    assert text["words"][0].text == "caption"
    assert text["words"][1].text.startswith("<b>")
    assert text["words"][0].share == pytest.approx(0.1)
    assert text["words"][1].share == pytest.approx(0.1)  # of two tokens
    assert image["elsewhere"] == pytest.approx(0.2)
    assert [item["column"] for item in found["average"]] == ["image", "text"]


def test_the_page_draws_maps_and_words() -> None:
    space = attended()
    given = evaluated(spaces={"test": space, "heldout": scenes(seed=1, split="heldout")})
    page = render(given, document(given))
    section = page[page.index('id="attention"') :]
    assert "No tokens to look at: prototypes, whose encoder gives one vector alone" in section
    assert section.count("attention over a picture") == SHOWN + 1
    assert "&lt;b&gt;" in section
    assert "spread over" in section


def test_a_fusion_without_shared_blocks_is_said() -> None:
    space = attended({})
    assert section_of(space)["rows"] == []
    given = evaluated(spaces={"test": space, "heldout": scenes(seed=1, split="heldout")})
    assert "gives no attention over tokens" in render(given, document(given))


def test_encoders_without_any_tokens_are_said() -> None:
    nothing = {name: Attention(1.0, np.zeros(0)) for name in ("image", "text", "prototypes")}
    given = evaluated(
        spaces={"test": attended(nothing), "heldout": scenes(seed=1, split="heldout")}
    )
    assert "None of the encoders gives tokens" in render(given, document(given))


def test_tokens_without_places_become_bars() -> None:
    tokens = np.array([0.1, 0.2, 0.05])
    space = attended({"image": Attention(0.1, tokens), "text": Attention(0.1, tokens)})
    image, text = section_of(space)["rows"][0]
    for panel in (image, text):  # the text's spans are of another number of tokens
        assert str(panel["strip"]).count("<rect") == 3
    assert text["words"] is None
    assert text["text"].startswith("caption")
    assert image["picture"] is not None


def test_a_map_shades_what_is_looked_at_least() -> None:
    picture = np.zeros((20, 40, 3), dtype=np.uint8)
    cells = np.array([[0.2, 0.1], [0.0, 0.2]])
    chart = ET.fromstring(str(picture_map(picture, cells, Crop(0.25, 0.0, 0.75, 1.0))))
    veils = chart.findall("rect[@class='veil']")
    assert [float(veil.attrib["fill-opacity"]) for veil in veils] == [0.0, 0.43, 0.86, 0.0]
    places = [(float(veil.attrib["x"]), float(veil.attrib["y"])) for veil in veils]
    assert places == [(45, 0), (90, 0), (45, 45), (90, 45)]  # the middle of 180 x 90
    assert {float(veil.attrib["width"]) for veil in veils} == {45}
    mirrored = ET.fromstring(str(picture_map(picture, cells, Crop(0.25, 0, 0.75, 1, flip=True))))
    assert float(mirrored.findall("rect[@class='veil']")[0].attrib["x"]) == 90
    assert picture_map(None, np.zeros((2, 2)), WHOLE).count("veil") == 4


def test_a_strip_has_a_bar_for_each_token() -> None:
    bars = ET.fromstring(str(strip(np.array([0.1, 0.2])))).findall("rect")
    heights = [float(bar.attrib["height"]) for bar in bars]
    assert heights[1] == 2 * heights[0]
    assert float(bars[1].attrib["x"]) == SIDE / 2
    assert not re.search("<rect", str(strip(np.zeros(0))))


def test_tokens_count_for_the_word_of_their_first_letter() -> None:
    text = "a red  chair left"
    spans = [(0, 1), (1, 5), (5, 9), (9, 12), (0, 0)]
    found, rest = words(text, spans, np.array([0.1, 0.2, 0.3, 0.1, 0.05]))
    assert [(word.text, round(word.share, 6), word.read) for word in found] == [
        ("a", 0.1, True),
        ("red", 0.2, True),
        ("chair", 0.4, True),
        ("left", 0.0, False),
    ]
    assert rest == pytest.approx(0.05)
    assert [word.strength for word in found] == pytest.approx([0.25, 0.5, 1.0, 0.0])
