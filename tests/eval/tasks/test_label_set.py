from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError, UnknownNameError
from polymodal_eval.tasks.label_set import LabelSet, Names, label_set, read_names

CLASSES = ("sea_bird", "Cat", "002.dog")


def made(names: Names | None, *, labels: tuple[int, ...] = (0, 2)) -> LabelSet:
    return label_set(names, CLASSES, np.array(labels, np.int64), tidy_names=True)


def test_the_stores_own_classes() -> None:
    found = made(None)

    assert found.labels.tolist() == [0, 2]
    assert found.names == ("sea_bird", "002.dog")
    assert found.words == (("sea bird",), ("dog",))


def test_words_by_class() -> None:
    found = made({"Sea Bird": ["gull", "tern"], "cat": ["a pet"]})

    assert found.names == ("sea_bird", "002.dog")
    assert found.words == (("gull", "tern"), ("dog",))
    with pytest.raises(UnknownNameError, match=r"no class 'cats'; known: 002.dog, Cat"):
        made({"cats": ["x"]})


def test_any_label_set() -> None:
    found = made(["dog", "horse", "SEA BIRD", "ship"])

    # Those that the store has no class of have numbers behind its own.
    assert found.labels.tolist() == [2, 4, 0, 6]
    assert found.names == ("dog", "horse", "SEA BIRD", "ship")
    assert found.words == (("dog",), ("horse",), ("SEA BIRD",), ("ship",))
    with pytest.raises(PolymodalError, match=r"none of horse, ship is a class.*sea_bird, Cat"):
        made(["horse", "ship"])
    with pytest.raises(PolymodalError, match="'dog' is listed twice"):
        made(["dog", "cat", "Dog"])


def test_files(tmp_path: Path) -> None:
    lines, table, listed = tmp_path / "a.txt", tmp_path / "b.json", tmp_path / "c.json"
    lines.write_text("dog\n\n  sea bird \n")
    table.write_text(json.dumps({"dog": ["hound", "puppy"], "cat": "kitten"}))
    listed.write_text(json.dumps(["dog", "cat"]))

    assert read_names(lines) == ("dog", "sea bird")
    assert read_names(table) == {"dog": ("hound", "puppy"), "cat": ("kitten",)}
    assert read_names(listed) == ("dog", "cat")


@pytest.mark.parametrize("content", [3, [], ["dog", 4], {"dog": []}, {"dog": ""}, {}, "dog", [" "]])
def test_files_of_something_else(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "names.json"
    path.write_text(json.dumps(content))

    with pytest.raises(PolymodalError, match="a list of names, or a table of words"):
        read_names(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match=r"none\.txt cannot be read"):
        read_names(tmp_path / "none.txt")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(PolymodalError, match="cannot be read as JSON"):
        read_names(tmp_path / "bad.json")
