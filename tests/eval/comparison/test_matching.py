from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_eval.comparison.matching import check_stores, find
from polymodal_eval.comparison.reports import Report
from polymodal_eval.space import LabelledVectors, Space
from polymodal_eval.tasks.retrieval import Retrieval
from polymodal_eval.tasks.zero_shot import ZeroShot

from tests.eval.comparison.saved import run, saved
from tests.eval.worlds import scenes

PAIR = (("image", "text"),)


@pytest.fixture
def first(tmp_path: Path) -> Report:
    space = scenes()
    return saved(tmp_path / "first", [Retrieval(PAIR)(space)], space)


def reason(first: Report, second: Report) -> str:
    found, why = find(first.lines[0], first, second)
    assert found is None
    return why


def test_the_same_measurement_of_another_model_is_found(first: Report, tmp_path: Path) -> None:
    space = scenes(seed=5)
    second = saved(tmp_path / "second", [Retrieval()(space)], space)

    found, why = find(first.lines[0], first, second)

    assert (found, why) == (second.lines[0], "")


def test_other_splits_rules_and_sizes_are_named(first: Report, tmp_path: Path) -> None:
    held = scenes(split="heldout")
    second = saved(tmp_path / "a", [Retrieval(PAIR)(held)], held)
    assert reason(first, second) == "split test against heldout"

    space = scenes()
    second = saved(tmp_path / "b", [Retrieval(PAIR, relevance="label")(space)], space)
    assert reason(first, second) == "relevance instance against label"

    space = scenes(size=20)
    second = saved(tmp_path / "c", [Retrieval(PAIR)(space)], space)
    assert reason(first, second) == "48 candidates against 40"

    second = saved(tmp_path / "d", [Retrieval((("text", "image"),))(space)], space)
    assert reason(first, second) == f"not measured in {tmp_path / 'd'}"


def test_a_gallery_of_as_many_other_rows_is_noticed(first: Report, tmp_path: Path) -> None:
    space = scenes()
    table = space.embeddings.table
    moved = dataclasses.replace(table, instance=(table.instance + 1) % 24)
    space = dataclasses.replace(
        space, embeddings=dataclasses.replace(space.embeddings, table=moved)
    )

    second = saved(tmp_path / "second", [Retrieval(PAIR)(space)], space)

    assert reason(first, second).startswith("a gallery of text of other rows")


def test_of_several_measurements_of_one_pair_the_one_with_the_same_protocol_is_found(
    tmp_path: Path,
) -> None:
    def with_classes(space: Space) -> Space:
        vectors = space.embeddings.vectors["prototypes"]
        return dataclasses.replace(
            space, classes=lambda column: LabelledVectors(vectors, np.arange(4))
        )

    tasks = [ZeroShot(), ZeroShot(candidates="all")]
    one, other = with_classes(scenes()), with_classes(scenes(seed=1))
    first = saved(tmp_path / "first", [task(one) for task in tasks], one)
    second = saved(tmp_path / "second", [task(other) for task in reversed(tasks)], other)

    pairs = [find(line, first, second)[0] for line in first.lines]

    assert [line and line.content["number"] for line in pairs] == [2, 3, 0, 1]


def test_stores_with_other_contents_are_never_compared(tmp_path: Path) -> None:
    first, second = run(tmp_path / "a", seed=0), run(tmp_path / "b", seed=0, store="xyz")

    check_stores([first, first])
    with pytest.raises(
        PolymodalError, match=r"stores with other contents, /data/rooms \(abc\) .*\(xyz\)"
    ):
        check_stores([first, second])
    nameless = dataclasses.replace(first, content={**first.content, "store": {}})
    with pytest.raises(PolymodalError, match="does not say on which store"):
        check_stores([first, nameless])


def test_another_store_of_one_name_has_the_same_contents(first: Report) -> None:
    def with_other(fingerprint: str) -> Report:
        others = {"cifar10": {"path": "data/cifar10", "fingerprint": fingerprint}}
        store = {**first.content["store"], "others": others}
        return dataclasses.replace(first, content={**first.content, "store": store})

    check_stores([with_other("a"), with_other("a"), first])
    with pytest.raises(PolymodalError, match="the other store 'cifar10' has other contents"):
        check_stores([with_other("a"), with_other("b")])
