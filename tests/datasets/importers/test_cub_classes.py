from __future__ import annotations

from pathlib import Path

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_datasets.importers.cub_classes import held_out_pictures, unseen_classes

from .reading import write

EIGHTY = range(1, 161, 2)


def test_a_share_is_drawn_by_seed() -> None:
    first = unseen_classes(0.25, EIGHTY, seed=0)
    assert len(first) == 20
    assert first < set(EIGHTY)
    assert unseen_classes(0.25, EIGHTY[::-1], seed=0) == first
    assert unseen_classes(0.25, EIGHTY, seed=1) != first
    assert unseen_classes(0.0, EIGHTY, seed=0) == set()


def test_classes_are_named_by_numbers_ranges_and_files(tmp_path: Path) -> None:
    present = [1, 2, 5, 10, 11]
    assert unseen_classes((2, 99), present, seed=0) == {2}
    assert unseen_classes("5-10, 1", present, seed=0) == {1, 5, 10}
    text = "001.Black_footed_Albatross\n010.Red_winged_Blackbird\n\n11\n"
    path = write(tmp_path / "testclasses.txt", text)
    assert unseen_classes(str(path), present, seed=0) == {1, 10, 11}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (1.0, "a share is from 0 up to below 1"),
        (151.0, "'151-200'"),
        (-0.1, "a share is from 0"),
        ((3,), "holds out no class that has pictures; these are 1, 2, 5"),
        ("1-10", "holds out every class"),
        (0.1, "holds out no class"),
        (0.9, "holds out every class"),
        ("none.txt", "is no file, and 'none.txt' no class number"),
        ("1,x", "'x' no class number"),
    ],
)
def test_senseless_choices(given: float | str | tuple[int, ...], message: str) -> None:
    with pytest.raises(PolymodalError, match=message):
        unseen_classes(given, [1, 2, 5], seed=0)


def test_a_file_of_something_else(tmp_path: Path) -> None:
    path = write(tmp_path / "t.txt", "1\nAlbatross\n")
    with pytest.raises(PolymodalError, match="'Albatross' starts with no class number"):
        unseen_classes(str(path), [1, 2], seed=0)


def test_pictures_of_seen_classes_are_held_out_class_by_class() -> None:
    pictures = {1: [f"a{n}" for n in range(20)], 2: [f"b{n}" for n in range(10)]}
    held = held_out_pictures(pictures, 0.2, seed=0)
    assert sum(name.startswith("a") for name in held) == 4
    assert sum(name.startswith("b") for name in held) == 2
    # Another class more or less leaves the draw as it is.
    assert held_out_pictures({1: pictures[1]}, 0.2, seed=0) == {
        name for name in held if name.startswith("a")
    }
    assert held_out_pictures(pictures, 0.2, seed=1) != held
    assert held_out_pictures(pictures, 0.0, seed=0) == set()
