from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from polymodal_core.errors import PolymodalError
from polymodal_core.rows import Importer
from polymodal_core.testing import check_importer
from polymodal_datasets.importers.nyuv2 import NYUv2Config
from pydantic import ValidationError

from .reading import ids, rows_of, split_rows, values

HEIGHT, WIDTH, FRAMES = 12, 16, 4
NAMES = ["wall", "floor mat", "chair"]
TYPES = ["kitchen", "living_room", "living_room", "office"]
ROOMS = ["kitchen_0001", "living_room_0002", "living_room_0002", "office_0009"]


def frames() -> dict[str, NDArray[Any]]:
    """Frames as they are shown: [frame, height, width]."""
    rng = np.random.default_rng(0)
    labels = np.zeros((FRAMES, HEIGHT, WIDTH), np.uint16)
    labels[0, :6], labels[0, 6:, :4], labels[0, 11, 15] = 3, 1, 2  # 96, 24 and 1 of 192 pixels
    labels[1], labels[2, 0, 0] = 2, 1
    depths = rng.uniform(0.7, 9.9, (FRAMES, HEIGHT, WIDTH)).astype(np.float32)
    return {
        "images": rng.integers(0, 256, (FRAMES, HEIGHT, WIDTH, 3), dtype=np.uint8),
        "depths": depths,
        "rawDepths": np.where(depths > 5, 0, depths).astype(np.float32),
        "labels": labels,
    }


def tree(root: Path, *, without: tuple[str, ...] = (), **instead: NDArray[Any]) -> Path:
    """Write the file as MATLAB does: axes reversed, texts behind references."""
    import h5py

    texts = {"names": NAMES, "sceneTypes": TYPES, "scenes": ROOMS}
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "w", userblock_size=512) as opened:
        for name, array in {**frames(), **instead}.items():
            if name not in without:
                axes = (0, *range(array.ndim - 1, 0, -1))
                opened[name] = np.ascontiguousarray(array.transpose(axes))
        for name, words in texts.items():
            if name not in without:
                _cells(opened, name, words)
    return root


def _cells(opened: Any, name: str, words: list[str]) -> None:
    import h5py

    cells = opened.create_dataset(name, (1, len(words)), dtype=h5py.ref_dtype)
    for place, word in enumerate(words):
        key = f"#refs#/{name}{place}"
        opened[key] = np.array([[ord(letter)] for letter in word], np.uint16)
        cells[0, place] = opened[key].ref


def splits(root: Path, train: list[int], test: list[int]) -> None:
    from scipy.io import savemat

    content = {
        "trainNdxs": np.array(train, np.uint16)[:, None],
        "testNdxs": np.array(test, np.uint16)[:, None],
    }
    savemat(root / "splits.mat", content)


def build(root: Path, **options: Any) -> Importer:
    return NYUv2Config.model_validate({"root": root, **options}).build()


def notes(importer: Importer) -> dict[str, int]:
    return dict(importer.notes)  # type: ignore[attr-defined]


def test_a_row_per_frame(tmp_path: Path) -> None:
    splits(tree(tmp_path), [3, 1], [2, 4])
    importer = build(tmp_path)
    rows = rows_of(importer)
    shown = frames()
    assert {name: (column.kind, column.options) for name, column in importer.columns.items()} == {
        "image": ("image", {}),
        "depth": ("depth", {"unit": "m"}),
        "text": ("text", {}),
    }
    assert importer.total == len(rows) == 4
    assert [row.split for row in rows] == ["train", "test", "train", "test"]
    assert [row.label for row in rows] == ["kitchen", "living room", "living room", "office"]
    assert [row.instance for row in rows] == ["0", "1", "2", "3"] == ids(rows, "image")
    for frame in range(FRAMES):
        np.testing.assert_array_equal(values(rows, "image")[frame], shown["images"][frame])
        np.testing.assert_array_equal(values(rows, "depth")[frame], shown["depths"][frame])
    # One pixel of 192 is less than a hundredth of the frame.
    assert values(rows, "text") == ["chair, wall", "floor mat", None, None]
    assert notes(importer) == {"frames without objects": 2}
    check_importer(NYUv2Config(root=tmp_path))


def test_the_sensors_depth_and_smaller_objects(tmp_path: Path) -> None:
    splits(tree(tmp_path), [1, 2, 3], [])
    importer = build(tmp_path, depth="sensor", smallest=0.0)
    rows = rows_of(importer)
    np.testing.assert_array_equal(values(rows, "depth")[2], frames()["rawDepths"][2])
    assert values(rows, "text") == ["chair, wall, floor mat", "floor mat", "wall"]
    assert notes(importer) == {"frames that are not in splits.mat": 1}


@pytest.mark.parametrize(
    ("without", "columns"),
    [
        (("labels",), {"image", "depth"}),
        (("names", "rawDepths"), {"image", "depth"}),
        (("depths", "sceneTypes"), {"image", "text"}),
    ],
)
def test_any_variable_but_the_pictures_may_be_absent(
    tmp_path: Path, without: tuple[str, ...], columns: set[str]
) -> None:
    splits(tree(tmp_path, without=without), [1, 2], [3, 4])
    importer = build(tmp_path)
    assert set(importer.columns) == columns
    rows = rows_of(importer)
    assert set().union(*(row.items for row in rows)) == columns
    assert ({row.label for row in rows} == {None}) == ("sceneTypes" in without)


def test_no_room_is_in_two_drawn_splits(tmp_path: Path) -> None:
    tree(tmp_path)
    drawn = set()
    for seed in range(8):
        rows = rows_of(build(tmp_path, split="drawn", test=0.4, validation=0, seed=seed))
        assert rows[1].split == rows[2].split
        drawn.add(tuple(row.split for row in rows))
    assert len(drawn) > 1
    assert {split for row in drawn for split in row} == {"train", "test"}


def test_bad_frames(tmp_path: Path) -> None:
    labels = frames()["labels"]
    labels[1] = 9
    splits(tree(tmp_path, labels=labels), [1, 2], [])
    rows, bad = split_rows(build(tmp_path))
    assert [row.instance for row in rows] == ["0"]
    assert [(row.origin, row.message) for row in bad] == [
        ("nyu_depth_v2_labeled.mat: frame 1", "label 9 has no name; there are 3")
    ]
    tree(tmp_path, depths=frames()["depths"][:, :6])
    rows, bad = split_rows(build(tmp_path))
    assert not rows
    assert bad[0].message == "depths has [6, 16] pixels and the picture [12, 16]"


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match=r"has no nyu_depth_v2_labeled\.mat, the labelled"):
        build(tmp_path)
    tree(tmp_path)
    with pytest.raises(PolymodalError, match=r"has no splits\.mat; split=drawn needs none"):
        build(tmp_path)
    splits(tmp_path, [1, 2], [2])
    with pytest.raises(PolymodalError, match="frame 2 is for training and for test"):
        build(tmp_path)
    splits(tmp_path, [0], [2])
    with pytest.raises(PolymodalError, match="trainNdxs names frame 0 of 4; it counts from 1"):
        build(tmp_path)
    splits(tree(tmp_path, depths=frames()["depths"][:3]), [1], [2])
    with pytest.raises(PolymodalError, match="depths has 3 frames and images 4"):
        build(tmp_path)
    tree(tmp_path, without=("depths", "rawDepths", "labels"))
    with pytest.raises(PolymodalError, match="has neither depths nor labels with names"):
        build(tmp_path)


def test_contradicting_options(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="test belongs to split = 'drawn'"):
        NYUv2Config(root=tmp_path, test=0.5)
    with pytest.raises(ValidationError, match="leave nothing to train on"):
        NYUv2Config(root=tmp_path, split="drawn", test=0.5, validation=0.5)
