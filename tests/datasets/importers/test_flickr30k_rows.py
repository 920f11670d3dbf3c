from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_core.plugins import Registry
from polymodal_core.rows import Importer
from polymodal_core.testing import check_importer
from polymodal_datasets.importers.flickr30k import Flickr30kConfig

from .coco_tree import dump
from .reading import ids, rows_of, split_rows, touch, values, write

NAMES = ("a.jpg", "b.jpg", "c.jpg")
SPLITS = "dataset_flickr30k.json"


def tree(root: Path, *, folder: str = "flickr30k-images", table: str | None = "token") -> Path:
    touch(root / folder, *NAMES)
    splits = zip(NAMES, ("train", "val", "test"), strict=True)
    pictures = [
        {
            "filename": name,
            "imgid": 0,
            "sentids": [0, 1],
            "split": split,
            "sentences": [{"raw": f"sentence {i} of {name}", "sentid": i} for i in range(2)],
        }
        for name, split in splits
    ]
    dump(root / SPLITS, {"images": pictures, "dataset": "flickr30k"})
    pairs = [(name, number) for name in NAMES for number in range(5)]
    if table == "token":
        lines = [f"{name}#{number}\tcaption {number} of {name} .\n" for name, number in pairs]
        write(root / "results_20130124.token", "".join(lines))
    if table == "csv":
        lines = [f'{name}| {number}|  "caption", {number} | of {name}\n' for name, number in pairs]
        write(root / "results.csv", "image_name| comment_number| comment\n" + "".join(lines))
    return root


def build(root: Path, **options: Any) -> Importer:
    return Flickr30kConfig.model_validate({"root": root, **options}).build()


def notes(importer: Importer) -> dict[str, int]:
    return dict(importer.notes)  # type: ignore[attr-defined]


def test_five_captions_point_at_one_picture(tmp_path: Path) -> None:
    importer = build(tree(tmp_path))
    rows = rows_of(importer)
    assert importer.total == len(rows) == 15
    assert [row.split for row in rows[::5]] == ["train", "validation", "test"]
    assert ids(rows, "image")[4:6] == ["flickr30k-images/a.jpg", "flickr30k-images/b.jpg"]
    assert (tmp_path / values(rows, "image")[0]).is_file()
    assert ids(rows, "text")[6] == "b.jpg#1"
    assert values(rows, "text")[6] == "caption 1 of b.jpg ."
    assert [row.instance for row in rows[::5]] == list(NAMES)
    assert notes(importer) == {}
    check_importer(Flickr30kConfig(root=tmp_path), installed=Registry())


@pytest.mark.parametrize(
    "folder", ["flickr30k_images", "flickr30k_images/flickr30k_images", "images"]
)
def test_the_table_with_bars(tmp_path: Path, folder: str) -> None:
    tree(tmp_path, folder=folder, table="csv")
    rows = rows_of(build(tmp_path))
    assert len(rows) == 15
    assert values(rows, "text")[6] == '"caption", 1 | of b.jpg'
    assert ids(rows, "image")[0] == f"{folder}/a.jpg"
    assert rows[0].origin == "results.csv:2"


def test_the_table_may_lie_among_the_pictures(tmp_path: Path) -> None:
    tree(tmp_path, folder="flickr30k_images/flickr30k_images", table="csv")
    (tmp_path / "results.csv").rename(tmp_path / "flickr30k_images" / "results.csv")
    assert len(rows_of(build(tmp_path))) == 15


def test_the_line_that_lacks_a_bar_is_a_bad_row(tmp_path: Path) -> None:
    tree(tmp_path, table="csv")
    text = (tmp_path / "results.csv").read_text().replace("b.jpg| 4|", "b.jpg| 4 ")
    (tmp_path / "results.csv").write_bytes(text.encode() + b"a.jpg| 9| caf\xe9\na.jpg| 8| \n")
    importer = build(tmp_path)
    rows, bad = split_rows(importer)
    assert len(rows) == 14
    assert [row.origin for row in bad] == ["results.csv:11", "results.csv:17", "results.csv:18"]
    assert "'name.jpg| 0| caption' is expected; given 'b.jpg| 4" in bad[0].message
    assert "0xe9" in bad[1].message
    assert bad[2].message == "the caption is empty"
    assert importer.total == 17


def test_captions_of_the_split_file_where_there_are_no_others(tmp_path: Path) -> None:
    tree(tmp_path, table=None)
    rows = rows_of(build(tmp_path))
    assert len(rows) == 6
    assert values(rows, "text")[1] == "sentence 1 of a.jpg"
    assert ids(rows, "text")[2] == "b.jpg#0"
    assert rows[1].origin == f"{SPLITS}: images[0].sentences[1]"
    assert {row.split for row in rows_of(build(tmp_path, split="none"))} == {"train"}


def test_without_splits_all_is_training(tmp_path: Path) -> None:
    tree(tmp_path)
    (tmp_path / SPLITS).unlink()
    with pytest.raises(PolymodalError, match=r"no dataset_flickr30k\.json .*split=none makes"):
        build(tmp_path)
    assert {row.split for row in rows_of(build(tmp_path, split="none"))} == {"train"}


def test_what_is_in_no_row_is_counted(tmp_path: Path) -> None:
    tree(tmp_path)
    content = json.loads((tmp_path / SPLITS).read_text())
    content["images"][0]["filename"] = "d.jpg"
    content["images"].append({"filename": "e.jpg", "split": "train"})
    content["images"].append(content["images"][1])
    dump(tmp_path / SPLITS, content)
    (tmp_path / "flickr30k-images" / "c.jpg").unlink()
    importer = build(tmp_path)
    rows, bad = split_rows(importer)
    assert {row.instance for row in rows} == {"b.jpg"}
    assert notes(importer) == {
        "pictures with captions, not in dataset_flickr30k.json": 1,
        "pictures in dataset_flickr30k.json, without captions": 1,
    }
    assert [(row.origin, row.message) for row in bad] == [
        (f"{SPLITS}: images[3]", "has no 'sentences'; it has filename, split"),
        (f"{SPLITS}: images[4]", "the picture b.jpg is there already"),
        (
            "results_20130124.token:11",
            "no picture flickr30k-images/c.jpg; none of its captions is read",
        ),
    ]


def test_missing_parts(tmp_path: Path) -> None:
    tree(tmp_path, table=None)
    (tmp_path / SPLITS).unlink()
    for split in ("karpathy", "none"):
        with pytest.raises(PolymodalError, match=r"no captions: results_20130124\.token, results"):
            build(tmp_path, split=split)
    (tmp_path / "flickr30k-images").rename(tmp_path / "x")
    with pytest.raises(PolymodalError, match="no folder flickr30k-images with"):
        build(tmp_path)
