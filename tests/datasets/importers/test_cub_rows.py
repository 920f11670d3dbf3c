from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_core.rows import Importer
from polymodal_datasets.importers.cub import CUBConfig

from . import cub_tree
from .cub_tree import NAMES, PICTURES
from .reading import ids, rows_of, split_rows, values, write


def build(root: Path, **options: Any) -> Importer:
    return CUBConfig.model_validate({"root": root, "unseen": (10,), **options}).build()


def test_pictures_and_prototypes(tmp_path: Path) -> None:
    cub_tree.images(tmp_path / "a")
    cub_tree.class_attributes(tmp_path / "b" / "CUB_200_2011")
    importer = build(tmp_path / "a", metadata_root=tmp_path / "b")
    assert set(importer.columns) == {"image", "prototypes"}
    assert importer.columns["prototypes"].of_classes
    assert not importer.columns["image"].of_classes
    rows = rows_of(importer)
    assert len(rows) == 6 == importer.total
    assert importer.root is not None
    assert (Path(importer.root) / values(rows, "image")[0]).is_file()
    assert ids(rows, "prototypes") == [name for name in NAMES for _ in range(2)]
    np.testing.assert_allclose(values(rows, "prototypes")[5], [0.1, 0.5, 1.0], rtol=1e-6)
    assert [row.label for row in rows[::2]] == [
        "Black footed Albatross",
        "Laysan Albatross",
        "Red winged Blackbird",
    ]
    assert [row.instance for row in rows] == PICTURES
    assert rows[0].origin == "images.txt:1"


def test_a_row_per_caption(tmp_path: Path) -> None:
    tree = cub_tree.images(tmp_path)
    cub_tree.captions(tree / "text_c10")
    cub_tree.two_attributes(tree)
    importer = build(tmp_path)
    assert set(importer.columns) == {"image", "text", "attributes", "prototypes"}
    assert importer.total is None
    rows = rows_of(importer)
    assert len(rows) == 11
    assert ids(rows, "image")[:3] == [f"images/{PICTURES[0]}"] * 2 + [f"images/{PICTURES[1]}"]
    assert values(rows, "text")[:2] == [f"a bird of {NAMES[0]}", "this bird"]
    assert ids(rows, "text")[1] == f"text_c10/{PICTURES[0][:-4]}.txt#1"
    assert len({item for item in ids(rows, "text") if item is not None}) == 10
    assert values(rows, "text")[10] is None
    assert importer.notes == {"pictures without captions": 1}  # type: ignore[attr-defined]
    assert len(set(ids(rows, "attributes"))) == 6
    assert len(set(ids(rows, "prototypes"))) == 3


def test_no_picture_of_an_unseen_class_is_trained_on(tmp_path: Path) -> None:
    cub_tree.images(tmp_path)
    rows = rows_of(build(tmp_path))
    assert [row.split for row in rows] == ["train"] * 4 + ["test"] * 2
    rows = rows_of(build(tmp_path, test_seen=0.5))
    assert sorted(row.split for row in rows[:4]) == ["test_seen", "test_seen", "train", "train"]
    assert {row.split for row in rows[:2]} == {"train", "test_seen"}
    assert [row.split for row in rows[4:]] == ["test"] * 2
    share = rows_of(build(tmp_path, unseen=0.34, seed=3))
    unseen = {row.label for row in share if row.split == "test"}
    assert len(unseen) == 1
    assert not unseen & {row.label for row in share if row.split == "train"}


def test_the_official_split(tmp_path: Path) -> None:
    tree = cub_tree.images(tmp_path)
    cub_tree.numbered(tree / "train_test_split.txt", ["1", "0", "0", "1", "2"])
    importer = CUBConfig(root=tmp_path, split="official").build()
    rows, bad = split_rows(importer)
    assert [row.split for row in rows] == ["train", "test", "test", "train"]
    assert [row.origin for row in bad] == ["images.txt:5", "images.txt:6"]
    assert "neither 0 nor 1" in bad[0].message


def test_the_official_split_takes_no_choice_of_classes(tmp_path: Path) -> None:
    cub_tree.images(tmp_path)
    with pytest.raises(PolymodalError, match="needs train_test_split"):
        CUBConfig(root=tmp_path, split="official").build()
    with pytest.raises(PolymodalError, match="unseen belongs to split = 'classes'"):
        build(tmp_path, split="official")


def test_bad_pictures(tmp_path: Path) -> None:
    tree = cub_tree.images(tmp_path)
    (tree / "images" / PICTURES[1]).unlink()
    write(tree / "images.txt", (tree / "images.txt").read_text() + "7 stray.jpg\nseven\n")
    (tree / "images" / "stray.jpg").touch()
    cub_tree.two_attributes(tree)
    text = (tree / "attributes" / "image_attribute_labels.txt").read_text()
    write(tree / "attributes" / "image_attribute_labels.txt", text.replace("3 2 1 4 0 1.5\n", ""))
    importer = build(tmp_path)
    rows, bad = split_rows(importer)
    assert len(rows) == 4
    messages = {row.origin: row.message for row in bad}
    assert set(messages) == {"images.txt:2", "images.txt:3", "images.txt:7", "images.txt:8"}
    assert "no such file" in messages["images.txt:2"]
    assert "lacks attribute 2 of 2" in messages["images.txt:3"]
    assert "stray.jpg has no class" in messages["images.txt:7"]
    assert importer.total == len(rows) + len(bad)


def test_without_pictures_captions_and_attributes_are_paired(tmp_path: Path) -> None:
    tree = cub_tree.images(tmp_path)
    for path in PICTURES:
        (tree / "images" / path).unlink()
    for name in NAMES:
        (tree / "images" / name).rmdir()
    (tree / "images").rmdir()
    cub_tree.captions(tree / "text_c10")
    importer = build(tmp_path)
    assert set(importer.columns) == {"text"}
    rows, bad = split_rows(importer)
    assert len(rows) == 10
    assert [row.origin for row in bad] == ["images.txt:6"]


def test_a_tree_that_says_nothing_of_pictures(tmp_path: Path) -> None:
    tree = tmp_path / "CUB_200_2011"
    cub_tree.class_attributes(tree)
    cub_tree.numbered(tree / "image_class_labels.txt", ["1", "1"])
    with pytest.raises(PolymodalError, match="says nothing of single pictures; needed is images/"):
        build(tmp_path)


def test_the_shared_subset(shared_data: Path) -> None:
    importer = CUBConfig(
        root=shared_data / "cub100", metadata_root=shared_data / "cub_metadata"
    ).build()
    rows = rows_of(importer)
    assert len(rows) == 2320 == importer.total
    assert len({row.label for row in rows}) == 80
    assert len({row.label for row in rows if row.split == "test"}) == 20
    assert len({row.label for row in rows if row.split == "train"}) == 60
    assert len(set(ids(rows, "image"))) == 2320
    assert len(set(ids(rows, "prototypes"))) == 80
    lines = (
        (shared_data / "cub_metadata/CUB_200_2011/attributes/class_attribute_labels_continuous.txt")
        .read_text()
        .splitlines()
    )
    for row in rows[::300]:
        number = int(str(row.instance)[:3])
        expected = np.array([float(text) for text in lines[number - 1].split()]) / 100
        np.testing.assert_allclose(row.items["prototypes"].value, expected, rtol=1e-6)


def test_the_shared_metadata_alone_pairs_nothing(shared_data: Path) -> None:
    with pytest.raises(PolymodalError, match="says nothing of single pictures"):
        CUBConfig(root=shared_data / "cub_metadata").build()
