from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from polymodal_eval.results import NotApplicable
from polymodal_eval.space import Space
from polymodal_eval.tasks.prompts import Prompts, tidy

from tests.eval.worlds import embedding_table, row_table, space_of, unit

NAMES = ["000.red_cube", "001.blue_ball", "002.tall_lamp", "003.old_shoe"]
WORDS = ["red cube", "blue ball", "tall lamp", "old shoe"]


class Encoder:
    """Embeds a text as the class whose words it holds; the word 'blurred' adds a wrong one."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, column: str, texts: Sequence[str]) -> Any:
        self.texts += texts
        found = []
        for text in texts:
            number = next(i for i, words in enumerate(WORDS) if words in text)
            found.append(np.eye(4)[number] + ("blurred" in text) * np.eye(4)[(number + 1) % 4])
        return unit(found)


def space(encoder: Encoder, *, labels: Sequence[int] = (0, 1, 2), kind: str = "text") -> Space:
    size = len(labels)
    table = row_table(
        {"image": list(range(size)), "caption": list(range(size))}, label=labels, class_names=NAMES
    )
    vectors = {"image": np.eye(4)[list(labels)], "caption": np.eye(4)[list(labels)]}
    return space_of(
        embedding_table(vectors, table), kinds={"image": "image", "caption": kind}, encode=encoder
    )


def test_names_are_tidied_filled_in_and_embedded_by_the_text_column() -> None:
    encoder = Encoder()

    found = Prompts()(space(encoder))

    assert encoder.texts == [f"a photo of a {words}." for words in WORDS[:3]]
    assert [item.name for item in found.measurements] == [
        "image → prompts (caption)",
        "caption → prompts (caption)",
    ]
    line = found.measurements[0]
    assert line.estimates["accuracy"].value == 1.0
    assert line.estimates["accuracy"].chance == pytest.approx(1 / 3)
    assert line.protocol["templates"] == ["a photo of a {}."]


def test_templates_are_averaged_as_unit_vectors() -> None:
    encoder = Encoder()
    task = Prompts((("image",),), templates=("{}", "blurred {}", "blurred {}!"))

    (line,) = task(space(encoder)).measurements

    # (e_i + 2 (e_i + e_j)/sqrt 2) points nearer to e_i than to e_j: right for every class.
    assert len(encoder.texts) == 9
    assert line.estimates["accuracy"].value == 1.0


def test_all_classes_and_untidied_names() -> None:
    encoder = Encoder()
    encoder_names = [name.replace("_", " ") for name in NAMES]

    with pytest.raises(StopIteration):  # "red_cube" is not "red cube" to this encoder
        Prompts(tidy_names=False)(space(encoder))
    (line, _) = Prompts(candidates="all")(space(Encoder())).measurements

    assert encoder_names[3].endswith("old shoe")
    assert line.num_candidates == 4


def test_no_text_column_and_no_labels_do_not_apply() -> None:
    with pytest.raises(NotApplicable, match="no column of the model is of kind 'text'"):
        Prompts()(space(Encoder(), kind="speech"))
    with pytest.raises(NotApplicable, match="no labels"):
        Prompts()(space(Encoder(), labels=(-1, -1)))
    # A named column is taken at the user's word, whatever its kind.
    assert Prompts(column="caption")(space(Encoder(), kind="transcript")).measurements


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("012.Sea_bird", "Sea bird"),
        ("7", "7"),
        ("3 - tall lamp", "tall lamp"),
        ("2001 a space", "a space"),
        ("dining__room ", "dining room"),
        ("7up", "7up"),
    ],
)
def test_names_are_read_as_words(name: str, words: str) -> None:
    assert tidy(name) == words


def test_combined_inputs_meet_the_same_prompts() -> None:
    found = Prompts("all")(space(Encoder()))

    assert [item.name for item in found.measurements] == [
        "image → prompts (caption)",
        "caption → prompts (caption)",
        "image + caption → prompts (caption)",
    ]
    assert found.measurements[2].gallery_columns == ("caption",)
