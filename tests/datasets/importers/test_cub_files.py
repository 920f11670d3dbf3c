from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_datasets.importers.cub_files import (
    class_label,
    class_number,
    read_class_attributes,
    read_image_attributes,
    read_numbered,
    tree_below,
)

from .reading import write

CERTAINTY = (0.0, 0.25, 0.5, 1.0)


def test_numbered_lines(tmp_path: Path) -> None:
    text = "\ufeff1 a b.jpg\r\n\r\n7 c.jpg\r\nx d.jpg\r\n8\r\n7 e.jpg\r\n"
    found = read_numbered(write(tmp_path / "images.txt", text))
    assert found.texts == {1: "a b.jpg", 7: "c.jpg"}
    assert found.lines == {1: 1, 7: 3}
    assert [row.origin for row in found.bad] == ["images.txt:4", "images.txt:5", "images.txt:6"]
    assert "number 7 stands already in line 3" in found.bad[2].message
    assert read_numbered(tmp_path / "none.txt").texts == {}


def test_class_attributes_become_shares(tmp_path: Path) -> None:
    found = read_class_attributes(write(tmp_path / "c.txt", "0.0 12.5 100\n50 0 3\n"))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0, 0.125, 1], [0.5, 0, 0.03]], rtol=1e-7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2\n1 2 3\n", r"c\.txt:2: 3 values, where the first line has 2"),
        ("1 2\n1 nan\n", r"c\.txt:2: value 2 is nan; percentages"),
        ("1 101\n", r"c\.txt:1: value 2 is 101\.0"),
        ("1 -1\n", r"c\.txt:1: value 2 is -1\.0"),
        ("1 x\n", r"c\.txt:1: could not convert"),
        ("\n", "is empty"),
    ],
)
def test_bad_class_attributes_name_their_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PolymodalError, match=message):
        read_class_attributes(write(tmp_path / "c.txt", text))


def test_image_attributes_weigh_presence_by_certainty(tmp_path: Path) -> None:
    # The fifth line has a field too many, as a few of the original have.
    lines = ["1 1 1 1 9", "1 2 1 2 9", "1 3 0 4 9", "5 1 1 3 9", "5 2 1 4 0 9.5", ""]
    found = read_image_attributes(write(tmp_path / "i.txt", "\n".join(lines)), CERTAINTY)
    assert sorted(found) == [1, 5]
    assert found[1].tolist() == [0, 0.25, 0]
    assert found[5][:2].tolist() == [0.5, 1]
    assert np.isnan(found[5][2])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 2 x 4 9", "could not convert string 'x'"),
        ("1 0 1 4 9", "record 2 is 1 0 1 4"),
        ("1 2 2 4 9", "record 2 is 1 2 2 4"),
        ("1 2 1 5 9", "record 2 is 1 2 1 5; .*certainty 1 to 4"),
    ],
)
def test_bad_image_attributes(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path / "i.txt", f"1 1 1 4 9\n{line}\n")
    with pytest.raises(PolymodalError, match=message):
        read_image_attributes(path, CERTAINTY)


@pytest.mark.filterwarnings("ignore:.*no data")
def test_no_image_attributes_at_all(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match="is empty"):
        read_image_attributes(write(tmp_path / "i.txt", ""), CERTAINTY)


def test_names_of_classes() -> None:
    name = "001.Black_footed_Albatross"
    assert class_number(name) == 1
    assert class_label(name) == "Black footed Albatross"
    assert class_number("200") == 200
    assert class_number("Albatross") is None
    assert class_number("3_toed_Woodpecker") is None
    assert class_label("Albatross") == "Albatross"


def test_the_tree_is_found(tmp_path: Path) -> None:
    assert tree_below(tmp_path) == tmp_path
    (tmp_path / "CUB_200_2011").mkdir()
    assert tree_below(tmp_path) == tmp_path / "CUB_200_2011"
    with pytest.raises(PolymodalError, match="no such folder"):
        tree_below(tmp_path / "none")
