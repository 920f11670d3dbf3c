from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from polymodal_core.errors import PolymodalError
from polymodal_core.rows import Importer
from polymodal_core.testing import check_importer
from polymodal_datasets.importers.image_folder import ImageFolderConfig
from pydantic import ValidationError

from .reading import ids, rows_of, touch, values


def build(root: Path, **options: Any) -> Importer:
    return ImageFolderConfig.model_validate({"root": root, **options}).build()


def test_folders_of_splits_and_classes(tmp_path: Path) -> None:
    touch(tmp_path, "train/sea_bird/b.JPG", "train/sea_bird/deep/a.png", "val/cat/c.jpeg")
    touch(tmp_path, "train/cat/notes.txt", "train/cat/d.webp", ".git/x/y.png", "train/cat/.e.png")

    importer = build(tmp_path, template="a photo of a {}.")
    rows = rows_of(importer)

    assert ids(rows, "image") == [
        "train/cat/d.webp",
        "train/sea_bird/b.JPG",
        "train/sea_bird/deep/a.png",
        "val/cat/c.jpeg",
    ]
    assert [(row.label, row.split) for row in rows] == [
        ("cat", "train"),
        ("sea_bird", "train"),
        ("sea_bird", "train"),
        ("cat", "validation"),
    ]
    assert values(rows, "word")[0] == "a photo of a cat."
    assert values(rows, "word")[1] == "a photo of a sea bird."
    assert ids(rows, "word")[1] == "sea_bird"
    assert importer.columns["word"].of_classes
    assert [row.instance for row in rows] == ids(rows, "image")
    assert importer.notes == {"files that are no pictures": 1}  # type: ignore[attr-defined]


def test_drawn_splits_take_shares_of_each_class(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{label}/{n}.png" for label in ("cat", "dog") for n in range(10)))
    options = {"split": "drawn", "validation": 0.2, "test": 0.3}

    rows = rows_of(build(tmp_path, **options))

    counts = Counter((row.label, row.split) for row in rows)
    for label in ("cat", "dog"):
        assert [counts[label, part] for part in ("train", "validation", "test")] == [5, 2, 3]
    assert rows == rows_of(build(tmp_path, **options))
    assert rows != rows_of(build(tmp_path, **options, seed=1))


def test_it_is_an_importer(tmp_path: Path) -> None:
    (tmp_path / "test" / "cat").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "test" / "cat" / "a.png")

    check_importer(ImageFolderConfig(root=tmp_path))


def test_classes_where_splits_are_expected(tmp_path: Path) -> None:
    touch(tmp_path, "cat/a.png")

    with pytest.raises(PolymodalError, match=r"cat holds pictures.*say split = 'drawn'"):
        build(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match=r"no such folder: .*none"):
        build(tmp_path / "none")
    with pytest.raises(PolymodalError, match="<split>/<class>/<picture> is expected"):
        build(tmp_path)


@pytest.mark.parametrize("template", ["a photo", "{} {x}", "{"])
def test_a_template_holds_the_class(tmp_path: Path, template: str) -> None:
    with pytest.raises(ValidationError, match=r"must hold \{\}"):
        build(tmp_path, template=template)


def test_real_pictures_of_cifar(shared_data: Path) -> None:
    rows = rows_of(build(shared_data / "cifar10"))

    assert Counter(row.split for row in rows) == {"train": 3000, "test": 500}
    assert set(Counter(row.label for row in rows).values()) == {350}
    assert len(set(ids(rows, "word"))) == 10
