from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from polymodal_eval.report.sections import common_start, matrix, section, sections
from polymodal_eval.space import LabelledVectors
from polymodal_eval.tasks.retrieval import Retrieval
from polymodal_eval.tasks.zero_shot import ZeroShot

from tests.eval.report.evaluations import evaluated
from tests.eval.worlds import scenes


def test_only_the_first_task_with_classes_shows_its_confusions_unfolded() -> None:
    zero_shot = evaluated().results[1]

    found = sections([*evaluated().results, zero_shot])

    assert [item["first"] for item in found] == [False, True, False, False]


@pytest.mark.parametrize(
    ("names", "start"),
    [
        (["a red cube", "a red ball"], "a red "),
        (["a red", "a red cube"], "a "),
        (["red", "blue"], ""),
        (["redder", "reddish"], ""),
        (["alone here"], ""),
        ([], ""),
    ],
)
def test_only_whole_words_in_common_are_left_out(names: list[str], start: str) -> None:
    assert common_start(names) == start


def test_tables_stand_apart_by_what_was_trained() -> None:
    trained = frozenset({frozenset({"image", "text"})})
    result = Retrieval()(scenes())

    apart = section(result, trained)

    assert [(part["title"].split(" ")[0], len(part["lines"])) for part in apart["groups"]] == [
        ("trained", 2),
        ("emergent", 4),
    ]
    values = [item.estimates["r@1"].value for item in apart["groups"][1]["lines"]]
    assert apart["groups"][1]["mean"] == pytest.approx(sum(values) / 4)
    assert apart["matrix"]["emergent"] == {
        (one, other)
        for one in ("image", "text", "prototypes")
        for other in ("image", "text", "prototypes")
        if one != other and "prototypes" in (one, other)
    }
    assert [part["title"] for part in section(result)["groups"]] == [""]


def test_t1_is_laid_out_by_input_and_side_of_classes() -> None:
    space = scenes()
    space = dataclasses.replace(
        space,
        classes=lambda column: LabelledVectors(space.embeddings.vectors[column], np.arange(4)),
    )
    results = [
        Retrieval()(space),
        ZeroShot("all")(space),
        ZeroShot("all", candidates="all")(space),
    ]

    none, first, second = sections(results)

    assert none["t1"] is second["t1"] is None
    table = first["t1"]
    assert table["queries"] == ["image", "text", "image + text"]
    assert table["galleries"] == ["prototypes", "prototypes (all classes)"]
    assert table["cells"]["image + text", "prototypes"] is results[1].measurements[2]
    assert sections([ZeroShot()(space)])[0]["t1"] is None


def test_of_many_inputs_the_single_columns_show_their_confusions() -> None:
    inputs = (("text", "image"), ("image",), ("text",))
    found = section(ZeroShot(inputs)(scenes()))["confusions"]

    assert [item["name"] for item in found] == [
        "image → prototypes",
        "text → prototypes",
        "text + image → prototypes",
    ]


def test_a_matrix_of_nothing_is_empty() -> None:
    assert matrix([])["cells"] == {}
