from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_datasets.importers.cub import CUBConfig
from polymodal_datasets.importers.cub_data import CUBData, read_cub

from . import cub_tree
from .reading import write


def read(root: Path, metadata: Path | None = None) -> CUBData:
    return read_cub(CUBConfig(root=root, metadata_root=metadata))


def test_pictures_classes_and_names(tmp_path: Path) -> None:
    cub_tree.images(tmp_path)
    data = read(tmp_path)
    assert list(data.pictures) == cub_tree.PICTURES
    assert list(data.pictures.values())[:2] == ["images.txt:1", "images.txt:2"]
    assert sorted(set(data.classes.values())) == [1, 2, 10]
    assert data.names[10] == "010.Red_winged_Blackbird"
    assert data.bad == []


def test_without_any_list_the_folders_say_it(tmp_path: Path) -> None:
    tree = cub_tree.images(tmp_path)
    whole = read(tmp_path)
    for name in ("images.txt", "image_class_labels.txt", "classes.txt"):
        (tree / name).unlink()
    found = read(tmp_path)
    assert list(found.pictures) == cub_tree.PICTURES
    assert found.pictures[cub_tree.PICTURES[0]] == f"images/{cub_tree.PICTURES[0]}"
    assert found.classes == whole.classes
    assert found.names == whole.names


def test_files_by_picture_number_are_matched_by_path(tmp_path: Path) -> None:
    # The second tree numbers the same pictures otherwise, and says what the first lacks.
    cub_tree.images(tmp_path / "a")
    other = tmp_path / "b" / "CUB_200_2011"
    backwards = cub_tree.PICTURES[::-1]
    cub_tree.numbered(other / "images.txt", backwards, first=100)
    cub_tree.numbered(other / "train_test_split.txt", ["1", "0", "1", "0", "1", "0"], first=100)
    cub_tree.image_attributes(other, [f"{100 + n} 1 1 {n % 4 + 1} 9" for n in range(6)])
    data = read(tmp_path / "a", tmp_path / "b")
    assert list(data.pictures) == cub_tree.PICTURES
    assert data.official == dict(zip(backwards, ["train", "test"] * 3, strict=True))
    found = [float(data.attributes[path][0]) for path in backwards]
    np.testing.assert_allclose(found, [0, 1 / 3, 2 / 3, 1, 0, 1 / 3], rtol=1e-6)


def test_files_by_number_without_their_list_do_not_count(tmp_path: Path) -> None:
    cub_tree.images(tmp_path / "a")
    other = tmp_path / "b" / "CUB_200_2011"
    cub_tree.numbered(other / "image_class_labels.txt", ["7"] * 6)
    cub_tree.two_attributes(other)
    data = read(tmp_path / "a", tmp_path / "b")
    assert sorted(set(data.classes.values())) == [1, 2, 10]
    assert data.attributes == {}


def test_prototypes_of_the_class_file(tmp_path: Path) -> None:
    cub_tree.images(tmp_path / "a")
    cub_tree.class_attributes(tmp_path / "b")
    data = read(tmp_path / "a", tmp_path / "b")
    np.testing.assert_allclose(data.prototypes[10], [0.1, 0.5, 1.0], rtol=1e-6)
    cub_tree.class_attributes(tmp_path / "b", classes=9)
    with pytest.raises(PolymodalError, match="has 9 lines, and line 10 would be class 10"):
        read(tmp_path / "a", tmp_path / "b")


def test_prototypes_as_means_over_all_pictures_of_a_class(tmp_path: Path) -> None:
    tree = cub_tree.images(tmp_path)
    cub_tree.two_attributes(tree)
    data = read(tmp_path)
    vectors = {path: vector.astype(np.float64) for path, vector in data.attributes.items()}
    for number, pair in ((1, (0, 1)), (2, (2, 3)), (10, (4, 5))):
        expected = (vectors[cub_tree.PICTURES[pair[0]]] + vectors[cub_tree.PICTURES[pair[1]]]) / 2
        np.testing.assert_allclose(data.prototypes[number], expected, rtol=1e-6)
    # Pictures 1 and 2: certainty 2 and 3, weights 1/3 and 2/3.
    np.testing.assert_allclose(data.prototypes[1], [1, 0.5], rtol=1e-6)


def test_bad_lines_are_kept_as_bad_rows(tmp_path: Path) -> None:
    tree = cub_tree.images(tmp_path)
    write(tree / "image_class_labels.txt", "1 1\n2 one\nthree\n")
    data = read(tmp_path)
    assert sorted(row.origin for row in data.bad) == [
        "image_class_labels.txt:2",
        "image_class_labels.txt:3",
    ]
    assert data.classes[cub_tree.PICTURES[1]] == 1  # by its folder


@pytest.mark.parametrize("place", ["CUB_200_2011/text_c10", "text_c10"])
def test_captions_lie_in_the_tree_or_beside_it(tmp_path: Path, place: str) -> None:
    cub_tree.images(tmp_path)
    assert read(tmp_path).captions is None
    cub_tree.captions(tmp_path / place)
    assert read(tmp_path).captions == tmp_path / place
