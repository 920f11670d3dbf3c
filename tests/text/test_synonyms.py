"""Words that may stand for each other: our list, and files of the user's."""

from __future__ import annotations

from pathlib import Path

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_text.synonyms import read_synonyms, synonyms_of


def test_our_list_is_of_pairs_at_least_and_says_nothing_about_places_and_colours() -> None:
    groups = read_synonyms(None)
    assert len(groups) > 100
    assert all(len(group) > 1 for group in groups)
    synonyms = synonyms_of(groups)
    assert "little" in synonyms["small"]
    assert "guys" in synonyms["men"]
    assert "men" not in synonyms["man"]
    kept_apart = {"left", "right", "red", "green", "blue", "two", "three", "man", "woman", "dog"}
    for word in kept_apart:
        assert not kept_apart & set(synonyms.get(word, ()))


def test_a_file_has_a_group_a_line(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("# ours\n\nSofa, couch ,  love  seat # three\nlamp,light,\nlight, pale\n")
    groups = read_synonyms(str(file))
    assert groups == [["sofa", "couch", "love seat"], ["lamp", "light"], ["light", "pale"]]
    assert synonyms_of(groups) == {
        "sofa": ["couch", "love seat"],
        "couch": ["sofa", "love seat"],
        "love seat": ["sofa", "couch"],
        "lamp": ["light"],
        "light": ["lamp", "pale"],
        "pale": ["light"],
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"man, guy\nwoman\n", "line 2: 'woman' stands alone; wanted two words or more"),
        (b"man man\n", "line 1: 'man man' stands alone"),
        (b"# nothing\n\n", "has no group of words"),
        (b"\xff\xfe\x00", "cannot be read: .*wanted a text file with a group of words a line"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "words.txt"
    file.write_bytes(content)
    with pytest.raises(PolymodalError, match=message):
        read_synonyms(str(file))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match=r"none\.txt' cannot be read: No such file.*leave the"):
        read_synonyms(str(tmp_path / "none.txt"))
