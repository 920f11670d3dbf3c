from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_core.testing import check_importer
from polymodal_datasets.importers.cifar import CIFAR10Config, CIFAR100Config

from .reading import ids, rows_of, split_rows, values

NAMES = ["airplane", "sea_horse"]


def batch(seed: int, labels: list[Any], key: str = "labels") -> dict[Any, Any]:
    data = np.random.default_rng(seed).integers(0, 256, (len(labels), 3072), dtype=np.uint8)
    return {b"batch_label": b"x", key.encode(): labels, b"data": data, b"filenames": [b"f.png"]}


def dump(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, 2))


def cifar10(root: Path) -> Path:
    folder = root / "cifar-10-batches-py"
    dump(folder / "data_batch_1", batch(1, [1, 0]))
    dump(folder / "data_batch_3", batch(3, [1]))
    dump(folder / "test_batch", batch(9, [0, 1]))
    dump(folder / "batches.meta", {"label_names": NAMES, "num_vis": 3072})
    return root


def cifar100(root: Path) -> Path:
    for name, seed in (("train", 0), ("test", 1)):
        content = {**batch(seed, [1, 0], "fine_labels"), b"coarse_labels": [0, 0]}
        dump(root / name, content)
    dump(
        root / "meta",
        {b"fine_label_names": [b"bed", b"sea_horse"], b"coarse_label_names": [b"all"]},
    )
    return root


def test_a_row_per_picture_of_each_batch(tmp_path: Path) -> None:
    rows = rows_of(CIFAR10Config(root=cifar10(tmp_path)).build())

    assert [(row.label, row.split) for row in rows] == [
        ("sea_horse", "train"),
        ("airplane", "train"),
        ("sea_horse", "train"),
        ("airplane", "test"),
        ("sea_horse", "test"),
    ]
    assert ids(rows, "image")[:3] == ["data_batch_1/0", "data_batch_1/1", "data_batch_3/0"]
    assert [row.instance for row in rows] == ids(rows, "image")
    assert values(rows, "word")[:2] == ["sea horse", "airplane"]
    assert ids(rows, "word")[0] == "sea_horse"


def test_pixels_are_planes_of_red_green_and_blue(tmp_path: Path) -> None:
    (first, *_) = rows_of(CIFAR10Config(root=cifar10(tmp_path)).build())

    data = batch(1, [1, 0])[b"data"][0]
    picture = first.items["image"].value
    assert picture.shape == (32, 32, 3)
    for height, width, channel in [(0, 0, 0), (0, 5, 1), (31, 2, 2), (17, 31, 0)]:
        assert picture[height, width, channel] == data[channel * 1024 + height * 32 + width]


def test_the_batches_may_lie_in_root_itself(tmp_path: Path) -> None:
    root = cifar10(tmp_path) / "cifar-10-batches-py"

    assert len(rows_of(CIFAR10Config(root=root).build())) == 5


@pytest.mark.parametrize(
    ("labels", "wanted"), [("fine", ["sea_horse", "bed"]), ("coarse", ["all"] * 2)]
)
def test_classes_of_cifar100(tmp_path: Path, labels: Any, wanted: list[str]) -> None:
    rows = rows_of(CIFAR100Config(root=cifar100(tmp_path), labels=labels).build())

    assert [row.label for row in rows if row.split == "train"] == wanted
    assert [row.label for row in rows if row.split == "test"] == wanted


def test_it_is_an_importer(tmp_path: Path) -> None:
    check_importer(CIFAR10Config(root=cifar10(tmp_path)))


def test_a_label_of_no_class_is_a_bad_row(tmp_path: Path) -> None:
    cifar10(tmp_path)
    dump(tmp_path / "cifar-10-batches-py" / "test_batch", batch(9, [0, 7, "x"]))

    rows, bad = split_rows(CIFAR10Config(root=tmp_path).build())

    assert len(rows) == 4
    assert [row.message for row in bad] == [
        "label 7 is none of the 2 classes",
        "label 'x' is none of the 2 classes",
    ]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        PolymodalError, match="pictures in folders are for the importer image_folder"
    ):
        CIFAR10Config(root=tmp_path).build()
    cifar100(tmp_path)
    (tmp_path / "meta").unlink()
    with pytest.raises(PolymodalError, match="meta is missing: it names the classes"):
        CIFAR100Config(root=tmp_path).build()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"data": np.zeros((2, 3071), np.uint8), "labels": [0, 1]}, r"'data' is \[2, 3071\]"),
        ({"data": [1, 2], "labels": [0, 1]}, "'data' is list"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [0]}, "2 pictures and 1 labels"),
        ({"data": np.zeros((2, 3072), np.uint8)}, "no list 'labels'"),
    ],
)
def test_a_batch_that_is_none_is_said(tmp_path: Path, content: Any, message: str) -> None:
    cifar10(tmp_path)
    dump(tmp_path / "cifar-10-batches-py" / "data_batch_1", content)

    with pytest.raises(PolymodalError, match=message):
        list(CIFAR10Config(root=tmp_path).build().rows())
