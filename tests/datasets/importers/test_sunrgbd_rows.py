from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from polymodal_core.errors import PolymodalError
from polymodal_core.rows import Importer
from polymodal_core.testing import check_importer
from polymodal_datasets.importers.sunrgbd import SUNRGBDConfig
from pydantic import ValidationError

from .reading import ids, rows_of, split_rows, values, write

KV1 = "kv1/NYUdata/NYU0001"
KV2 = "kv2/kinect2data/000002_2014-05-26"
FRAMES = [
    f"xtion/sun3ddata/room_{room}/room_{room}/{frame:07d}" for room in "ab" for frame in (1, 2)
]
SCENES = [KV1, KV2, *FRAMES]
PIXELS = (6, 8)


def turned(millimetres: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The encoding of the data set, bit by bit: out at the top, in at the bottom, three times."""
    out = np.zeros_like(millimetres)
    for place, value in np.ndenumerate(millimetres):
        bits = f"{int(value):016b}"
        out[place] = int(bits[3:] + bits[:3], 2)
    return out


def depth_of(number: int) -> NDArray[np.uint16]:
    found = np.random.default_rng(number).integers(0, 65536, PIXELS).astype(np.uint16)
    found[0, 0] = 0
    return found


def tree(root: Path, *, inner: str = "SUNRGBD") -> Path:
    for number, scene in enumerate(SCENES):
        folder = root / inner / scene
        for name in ("image", "depth", "depth_bfx"):
            (folder / name).mkdir(parents=True)
        colour = np.full((*PIXELS, 3), 40 * number, np.uint8)
        Image.fromarray(colour).save(folder / "image" / f"{number:04d}.jpg")
        for place, name in enumerate(("depth_bfx", "depth")):
            Image.fromarray(turned(depth_of(10 * number + place))).save(folder / name / "d.png")
        write(folder / "scene.txt", ["dining_area", "idk", "office\n"][min(number, 2)])
    return root


def annotate(folder: Path, content: Any, name: str = "annotation2Dfinal") -> None:
    write(
        folder / name / "index.json", content if isinstance(content, str) else json.dumps(content)
    )


def splits(path: Path, train: list[str], test: list[str]) -> None:
    from scipy.io import savemat

    path.parent.mkdir(parents=True, exist_ok=True)

    def cells(names: list[str]) -> NDArray[Any]:
        found = np.empty((1, len(names)), dtype=object)
        found[0, :] = [f"/n/fs/sun3d/data//SUNRGBD/{name}" for name in names]
        return found

    savemat(path, {"alltrain": cells(train), "alltest": cells(test)})


def build(root: Path, **options: Any) -> Importer:
    return SUNRGBDConfig.model_validate({"root": root, **options}).build()


def notes(importer: Importer) -> dict[str, int]:
    return dict(importer.notes)  # type: ignore[attr-defined]


def test_a_row_per_scene_with_its_depth_turned_back(tmp_path: Path) -> None:
    importer = build(tree(tmp_path), split="drawn")
    rows = rows_of(importer)
    assert importer.total == len(rows) == 6
    assert {name: (column.kind, column.options) for name, column in importer.columns.items()} == {
        "image": ("image", {}),
        "depth": ("depth", {"unit": "mm"}),
    }
    assert [row.instance for row in rows] == SCENES
    assert [row.label for row in rows] == ["dining area", None, *["office"] * 4]
    for number, depth in enumerate(values(rows, "depth")):
        assert depth.dtype == np.uint16
        np.testing.assert_array_equal(depth, depth_of(10 * number))
    assert ids(rows, "depth")[0] == f"{KV1}/depth_bfx/d.png"
    assert (Path(str(importer.root)) / values(rows, "image")[0]).is_file()
    sensor = values(rows_of(build(tmp_path, split="drawn", depth="sensor")), "depth")
    np.testing.assert_array_equal(sensor[5], depth_of(51))
    check_importer(SUNRGBDConfig(root=tmp_path, split="drawn"))


def test_any_part_may_be_absent(tmp_path: Path) -> None:
    tree(tmp_path, inner=".")
    (tmp_path / KV1 / "depth_bfx" / "d.png").unlink()
    for name in ("depth_bfx", "depth"):
        (tmp_path / KV2 / name / "d.png").unlink()
        (tmp_path / KV2 / name).rmdir()
    (tmp_path / FRAMES[0] / "scene.txt").unlink()
    importer = build(tmp_path, split="drawn")
    rows = rows_of(importer)
    np.testing.assert_array_equal(values(rows, "depth")[0], depth_of(1))
    assert values(rows, "depth")[1] is None
    assert rows[2].label is None
    assert notes(importer) == {
        "scenes without depth_bfx, with depth instead": 1,
        "scenes without depth": 1,
    }


def test_names_of_objects(tmp_path: Path) -> None:
    folder = tree(tmp_path) / "SUNRGBD"
    objects = [{"name": "lamp"}, None, {"name": "chair "}, {"name": "never outlined"}]
    outlines = [{"object": 2}, {"object": 0}, {"object": 2}, {"object": 1}]
    annotate(folder / KV1, {"frames": [{"polygon": outlines}], "objects": objects})
    annotate(folder / KV2, {"frames": [{}], "objects": objects}, "annotation")
    annotate(folder / FRAMES[0], {"frames": [], "objects": []})
    annotate(folder / FRAMES[1], '{"frames": [], ')
    annotate(folder / FRAMES[2], {"frames": [{"polygon": [{"object": 9}]}], "objects": objects})
    importer = build(tmp_path, split="drawn")
    rows, bad = split_rows(importer)
    assert importer.columns["text"].kind == "text"
    assert values(rows, "text") == ["chair, lamp", "lamp, chair, never outlined", None, None]
    assert notes(importer) == {"scenes without objects": 2}
    assert [row.origin for row in bad] == FRAMES[1:3]
    assert "annotation2Dfinal/index.json is malformed: JSONDecodeError" in bad[0].message
    assert "malformed: IndexError" in bad[1].message


def test_the_official_split(tmp_path: Path) -> None:
    tree(tmp_path)
    path = tmp_path / "SUNRGBDtoolbox" / "traintestSUNRGBD" / "allsplit.mat"
    splits(path, [KV1 + "/", FRAMES[0]], [KV2, "kv2/not/here", FRAMES[3]])
    importer = build(tmp_path)
    rows = rows_of(importer)
    assert {row.instance: row.split for row in rows} == {
        KV1: "train",
        FRAMES[0]: "train",
        KV2: "test",
        FRAMES[3]: "test",
    }
    assert importer.total == 4
    check_importer(SUNRGBDConfig(root=tmp_path))
    assert notes(importer) == {
        "scenes that are not in allsplit.mat": 2,
        "scenes of allsplit.mat that are not here": 1,
    }


def test_splits_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path)
    with pytest.raises(PolymodalError, match=r"no allsplit\.mat, .*split=drawn needs none"):
        build(tmp_path)
    path = tmp_path / "allsplit.mat"
    splits(path, [KV1], [KV1])
    with pytest.raises(PolymodalError, match=f"{KV1} is in alltrain and in alltest"):
        build(tmp_path)
    splits(path, ["kv1/x"], ["kv1/y"])
    with pytest.raises(PolymodalError, match="names none of the 6 scenes, such as kv1/NYUdata"):
        build(tmp_path)
    splits(path, [""], ["kv1/y"])
    with pytest.raises(PolymodalError, match=r"alltrain\[0\] is .*a path with SUNRGBD/ is exp"):
        build(tmp_path)
    path.write_bytes(b"no matlab file")
    with pytest.raises(PolymodalError, match="cannot be read as a MATLAB file"):
        build(tmp_path)
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(PolymodalError, match=r"read by scipy, .*'polymodal-datasets\[matlab\]'"):
        build(tmp_path)


def test_frames_of_one_video_are_drawn_together(tmp_path: Path) -> None:
    tree(tmp_path)
    seen = set()
    for seed in range(6):
        rows = rows_of(build(tmp_path, split="drawn", test=0.5, validation=0.0, seed=seed))
        split_of = {row.instance: row.split for row in rows}
        assert split_of[FRAMES[0]] == split_of[FRAMES[1]]
        assert split_of[FRAMES[2]] == split_of[FRAMES[3]]
        assert Counter(split_of.values())["test"] >= 2
        seen.add(tuple(split_of.values()))
    assert len(seen) > 1


def test_bad_scenes(tmp_path: Path) -> None:
    folder = tree(tmp_path) / "SUNRGBD"
    (folder / KV1 / "image" / "0000.jpg").unlink()
    Image.fromarray(np.ones((3, 4), np.uint16)).save(folder / KV2 / "depth_bfx" / "d.png")
    Image.fromarray(np.ones(PIXELS, np.uint8)).save(folder / FRAMES[0] / "depth_bfx" / "d.png")
    (folder / FRAMES[1] / "depth_bfx" / "d.png").write_bytes(b"\x89PNG")
    importer = build(tmp_path, split="drawn")
    rows, bad = split_rows(importer)
    assert len(rows) == 2
    assert importer.total == 6
    messages = {row.origin: row.message for row in bad}
    assert messages[KV1] == "image/ holds 0 pictures (*.jpg) where one is expected"
    assert messages[KV2].startswith(
        "depth_bfx/d.png is 4 x 3 pixels, and its picture 8 x 6; they must show the same place"
    )
    assert "is of mode 'L'; a PNG of 16 bits is expected" in messages[FRAMES[0]]
    assert "depth_bfx/d.png or its picture is damaged" in messages[FRAMES[1]]


def test_no_scenes_and_contradicting_options(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match=r"has no scene: folders with image/\*\.jpg below any"):
        build(tmp_path, split="drawn")
    with pytest.raises(ValidationError, match="test, seed belongs to split = 'drawn'"):
        SUNRGBDConfig(root=tmp_path, test=0.5, seed=1)
    with pytest.raises(ValidationError, match="leave nothing to train on"):
        SUNRGBDConfig(root=tmp_path, split="drawn", test=0.5, validation=0.5)
