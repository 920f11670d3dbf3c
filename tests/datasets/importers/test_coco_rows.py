from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_core.plugins import Registry
from polymodal_core.rows import Importer
from polymodal_core.testing import check_importer
from polymodal_datasets.importers.coco import COCOConfig
from pydantic import ValidationError

from . import coco_tree
from .coco_tree import dump, file_of
from .reading import ids, rows_of, split_rows, values


def build(root: Path, **options: Any) -> Importer:
    return COCOConfig.model_validate({"root": root, **options}).build()


def notes(importer: Importer) -> dict[str, int]:
    return dict(importer.notes)  # type: ignore[attr-defined]


@pytest.mark.parametrize("year", [2014, 2017])
def test_a_row_per_caption_of_both_parts(tmp_path: Path, year: int) -> None:
    coco_tree.official(tmp_path, "train", year, [7, 3])
    coco_tree.official(tmp_path, "val", year, [5])
    importer = build(tmp_path)
    rows = rows_of(importer)
    assert {name: column.kind for name, column in importer.columns.items()} == {
        "image": "image",
        "text": "text",
    }
    assert importer.total == len(rows) == 6
    assert [row.split for row in rows] == ["train"] * 4 + ["validation"] * 2
    assert [row.instance for row in rows] == ["7", "7", "3", "3", "5", "5"]
    assert ids(rows, "image")[4:] == [f"val{year}/{file_of(5, 'val', year)}"] * 2
    assert ids(rows, "text")[:3] == ["7#70", "7#71", "3#30"]
    assert values(rows, "text")[1] == "caption 1 of 7."
    assert rows[4].origin == f"captions_val{year}.json: annotations[0]"
    assert (tmp_path / values(rows, "image")[0]).is_file()
    assert {row.label for row in rows} == {None}
    check_importer(COCOConfig(root=tmp_path), installed=Registry())


def test_two_years_are_the_same_captions_and_one_is_chosen(tmp_path: Path) -> None:
    coco_tree.official(tmp_path, "val", 2014, [1])
    coco_tree.official(tmp_path, "train", 2017, [1])
    with pytest.raises(PolymodalError, match="say which: year=2014 or year=2017"):
        build(tmp_path)
    assert {row.split for row in rows_of(build(tmp_path, year=2017))} == {"train"}
    assert {row.split for row in rows_of(build(tmp_path, year=2014))} == {"validation"}
    (tmp_path / "annotations" / "captions_train2017.json").unlink()
    with pytest.raises(PolymodalError, match=r"has no captions_train2017\.json"):
        build(tmp_path, year=2017)


def test_pictures_whose_folder_is_absent_are_counted(tmp_path: Path) -> None:
    coco_tree.official(tmp_path, "train", 2017, [1, 2, 3])
    coco_tree.official(tmp_path, "val", 2017, [4])
    (tmp_path / "train2017").rename(tmp_path / "elsewhere")
    importer = build(tmp_path)
    assert importer.total == len(rows_of(importer)) == 2
    assert notes(importer) == {"pictures whose folder train2017 is absent": 3}
    (tmp_path / "val2017").rename(tmp_path / "nowhere")
    with pytest.raises(PolymodalError, match="no folder of pictures; any of train2014"):
        build(tmp_path)


def test_pictures_may_lie_in_images(tmp_path: Path) -> None:
    coco_tree.official(tmp_path, "val", 2017, [4])
    (tmp_path / "images").mkdir()
    (tmp_path / "val2017").rename(tmp_path / "images" / "val2017")
    assert ids(rows_of(build(tmp_path)), "image")[0] == "images/val2017/000000000004.jpg"


def test_a_missing_picture_is_one_bad_row(tmp_path: Path) -> None:
    coco_tree.official(tmp_path, "val", 2017, [1, 2])
    (tmp_path / "val2017" / "000000000001.jpg").unlink()
    importer = build(tmp_path)
    rows, bad = split_rows(importer)
    assert len(rows) == 2
    assert [(row.origin, row.message) for row in bad] == [
        (
            "captions_val2017.json: annotations[0]",
            "no picture val2017/000000000001.jpg; none of its captions is read",
        )
    ]
    assert importer.total == 3


def test_bad_records_name_their_place(tmp_path: Path) -> None:
    path = coco_tree.official(tmp_path, "val", 2017, [1], captions=1)
    content = json.loads(path.read_text())
    content["images"].append({"id": "two", "file_name": "2.jpg"})
    content["annotations"] += [
        {"image_id": 9, "id": 1, "caption": "of nothing"},
        {"image_id": 1, "id": 2, "caption": "  "},
        {"image_id": 1, "id": 3},
        {"image_id": 1, "id": 10, "caption": "again"},
        {"image_id": 1, "id": 4, "caption": 5},
        "text",
    ]
    dump(path, content)
    rows, bad = split_rows(build(tmp_path))
    assert values(rows, "text") == ["caption 0 of 1."]
    assert [(row.origin.partition(": ")[2], row.message) for row in bad] == [
        ("images[1]", "'id' is 'two'; a whole number is expected"),
        ("annotations[1]", "picture 9 is not among the images of the file"),
        ("annotations[2]", "the caption is empty"),
        ("annotations[3]", "has no 'caption'; it has image_id, id"),
        ("annotations[4]", "the caption '1#10' is there already"),
        ("annotations[5]", "'caption' is 5; a text is expected"),
        ("annotations[6]", "a record of fields is expected; given 'text'"),
    ]


def test_a_picture_in_both_parts_is_refused(tmp_path: Path) -> None:
    coco_tree.official(tmp_path, "train", 2017, [1, 2])
    coco_tree.official(tmp_path, "val", 2017, [2])
    with pytest.raises(PolymodalError, match=r"captions_val2017\.json: images\[0\]: picture 2 is"):
        build(tmp_path)


@pytest.mark.parametrize(
    ("restval", "splits"),
    [
        ("train", ["train", "train", "validation", "test"]),
        ("restval", ["train", "restval", "validation", "test"]),
        ("none", ["train", "validation", "test"]),
    ],
)
def test_karpathys_splits(tmp_path: Path, restval: str, splits: list[str]) -> None:
    coco_tree.karpathy(tmp_path)
    importer = build(tmp_path, split="karpathy", restval=restval)
    rows = rows_of(importer)
    assert [row.split for row in rows[::2]] == splits
    assert importer.total == len(rows) == 2 * len(splits)
    assert notes(importer) == ({"pictures of restval, left out": 1} if restval == "none" else {})
    assert ids(rows, "text")[:2] == ["1#100", "1#101"]
    assert values(rows, "text")[-1] == "sentence 1 of 4"
    assert ids(rows, "image")[-1] == f"val2014/{file_of(4, 'val', 2014)}"


def test_karpathys_pictures_are_found_in_the_folders_of_2017(tmp_path: Path) -> None:
    path = coco_tree.karpathy(tmp_path)
    for number, part in ((1, "train"), (2, "train"), (3, "val")):
        folder = tmp_path / f"{part}2017"
        folder.mkdir(exist_ok=True)
        (folder / f"{number:012d}.jpg").touch()
    for name in ("train2014", "val2014"):
        (tmp_path / name).rename(tmp_path / f"old {name}")
    (tmp_path / "annotations").mkdir()
    path.rename(tmp_path / "annotations" / path.name)
    importer = build(tmp_path, split="karpathy")
    rows = rows_of(importer)
    assert ids(rows, "image")[::2] == [
        "train2017/000000000001.jpg",
        "train2017/000000000002.jpg",
        "val2017/000000000003.jpg",
    ]
    assert notes(importer) == {"pictures whose folder val2014 is absent": 1}


def test_bad_records_of_karpathys_file(tmp_path: Path) -> None:
    path = coco_tree.karpathy(tmp_path)
    content = json.loads(path.read_text())
    content["images"][0]["sentences"][1] = {"sentid": 5}
    content["images"][1]["split"] = "vall"
    content["images"].append(content["images"][2])
    (tmp_path / "val2014" / file_of(4, "val", 2014)).unlink()
    dump(path, content)
    rows, bad = split_rows(build(tmp_path, split="karpathy"))
    assert Counter(row.split for row in rows) == {"train": 1, "validation": 2}
    messages = {row.origin.partition(": ")[2]: row.message for row in bad}
    assert messages == {
        "images[0].sentences[1]": "has no 'raw'; it has sentid",
        "images[1]": f"{file_of(2, 'val', 2014)} is in split 'vall'; train, restval, val, test are "
        "known",
        "images[3].sentences[0]": f"no picture val2014/{file_of(4, 'val', 2014)}; none of its "
        "captions is read",
        "images[4]": "picture 3 is there already",
    }


def test_the_label_is_the_largest_object(tmp_path: Path) -> None:
    coco_tree.official(tmp_path, "train", 2017, [1, 2, 3], captions=1)
    found = [
        coco_tree.instance(1, 1, 5.0),
        coco_tree.instance(1, 2, 9.5),
        coco_tree.instance(2, 1, 1),
        coco_tree.instance(2, 2, 99.0, crowd=1),
    ]
    coco_tree.instances(tmp_path, "train", 2017, found)
    rows = rows_of(build(tmp_path, label="largest"))
    assert [row.label for row in rows] == ["traffic light", "person", None]
    coco_tree.instances(tmp_path, "train", 2017, [*found, coco_tree.instance(3, 9, 1.0)])
    with pytest.raises(PolymodalError, match=r"annotations\[4\]: category 9 is not among"):
        build(tmp_path, label="largest")
    coco_tree.instances(tmp_path, "train", 2017, [{"image_id": 1, "category_id": 1}])
    with pytest.raises(PolymodalError, match=r"instances_train2017.json: annotations\[0\]: has no"):
        build(tmp_path, label="largest")
    (tmp_path / "annotations" / "instances_train2017.json").unlink()
    with pytest.raises(PolymodalError, match="'largest' needs any instances_"):
        build(tmp_path, label="largest")


def test_what_is_missing_or_damaged(tmp_path: Path) -> None:
    path = coco_tree.official(tmp_path, "val", 2017, [1])
    with pytest.raises(PolymodalError, match=r"has no dataset_coco\.json \(Karpathy's splits\)"):
        build(tmp_path, split="karpathy")
    text = path.read_text()
    path.write_text(text[:-10])
    with pytest.raises(PolymodalError, match=r"captions_val2017\.json cannot be read .*line 1 col"):
        build(tmp_path)
    dump(path, {"images": [], "annotation": []})
    with pytest.raises(PolymodalError, match="has no list 'annotations'; it holds images, annota"):
        build(tmp_path)
    path.unlink()
    with pytest.raises(PolymodalError, match=r"no captions_train\{2014,2017\}\.json"):
        build(tmp_path)


def test_options_of_the_other_split_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="restval = 'none' belongs to split = 'karpathy'"):
        COCOConfig(root=tmp_path, restval="none")
    with pytest.raises(ValidationError, match="year = 2014 belongs to split = 'official'"):
        COCOConfig(root=tmp_path, split="karpathy", year=2014)


def test_the_shared_subset(shared_data: Path) -> None:
    config = COCOConfig(root=shared_data / "coco_mini", label="largest")
    importer = check_importer(config)
    rows = rows_of(importer)
    assert importer.total == len(rows) == 795
    assert Counter(row.split for row in rows) == {"train": 400, "validation": 395}
    assert len(set(ids(rows, "image"))) == 159
    assert notes(importer) == {}
    assert sum(row.label is None for row in rows) < 40
