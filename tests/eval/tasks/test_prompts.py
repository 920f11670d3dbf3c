from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from polymodal_eval.results import NotApplicable
from polymodal_eval.space import Space
from polymodal_eval.tasks.label_set import tidy
from polymodal_eval.tasks.prompts import Prompts

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


def blurred(encoder: Encoder) -> Space:
    """Pictures between their class and the next, of which 'blurred' prompts miss every one."""
    size = 24
    label = np.arange(size) % 3
    share = np.linspace(0.1, 0.95, size)[:, None]
    vectors = (1 - share) * np.eye(4)[label] + share * np.eye(4)[(label + 2) % 3]
    table = row_table({"image": range(size)}, label=label, class_names=NAMES)
    kinds = {"image": "image", "caption": "text"}
    return space_of(embedding_table({"image": vectors}, table), kinds=kinds, encode=encoder)


def test_each_template_is_compared_with_all_together() -> None:
    templates = ("a {}", "blurred {}", "the {}")

    (line,) = Prompts(templates=templates)(blurred(Encoder())).measurements

    found = line.details["templates"]
    assert [row["template"] for row in found["single"]] == list(templates)
    assert line.queries is not None
    singles = []
    for row in found["single"]:
        (alone,) = Prompts(templates=(row["template"],))(blurred(Encoder())).measurements
        assert alone.queries is not None
        assert "templates" not in alone.details
        singles.append(alone.queries.score)
        assert row["accuracy"]["value"] == alone.estimates["accuracy"].value
        wanted = (line.queries.score - alone.queries.score).mean()
        assert row["difference"]["value"] == pytest.approx(wanted)
        assert row["difference"]["low"] <= wanted <= row["difference"]["high"]
    assert len({float(score.mean()) for score in singles}) > 1
    assert found["mean"]["accuracy"]["value"] == pytest.approx(np.mean(singles))


def test_any_label_set_and_a_column_without_items() -> None:
    encoder = Encoder()
    task = Prompts(names=["blue ball", "tall lamp", "old shoe", "Red Cube"], templates=["{}"])
    # A class that is not listed is of queries that have no right answer.
    fewer = Prompts(names=["blue ball", "tall lamp"])

    with pytest.raises(StopIteration):  # "Red Cube" is said as it is written
        task(blurred(encoder))
    (line,) = fewer(blurred(encoder)).measurements

    assert line.num_candidates == 2
    assert (line.num_queries, line.num_left_out) == (16, 8)
    assert line.protocol["names"] == ["blue ball", "tall lamp"]
    names = [row["name"] for row in line.details["classes"]]
    assert names == ["blue ball", "tall lamp"]


def test_several_words_of_a_class_are_averaged() -> None:
    encoder = Encoder()

    Prompts(names={"red cube": ("red cube", "blurred red cube")})(space(encoder))

    assert encoder.texts == [
        "a photo of a red cube.",
        "a photo of a blurred red cube.",
        "a photo of a blue ball.",
        "a photo of a tall lamp.",
    ]


def test_precision_recall_and_f1_are_among_the_details() -> None:
    (line,) = Prompts()(blurred(Encoder())).measurements

    scores = line.details["scores"]
    assert scores["recall"]["value"] == pytest.approx(line.estimates["t1"].value)
    assert scores["recall_weighted"]["value"] == pytest.approx(line.estimates["accuracy"].value)
    assert scores["f1"]["low"] < scores["f1"]["value"] < scores["f1"]["high"]
    for row in line.details["classes"]:
        assert row["recall"] == pytest.approx(row["accuracy"])
        assert 0 < row["f1"] <= 1
