from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from polymodal_core.config import ModalityConfig
from polymodal_core.errors import PolymodalError, RecipeError
from polymodal_core.plugins import Registry
from polymodal_datasets.importers import plan, source_checks

from .reading import ids, manifest, problems, rows_of, touch, values, write


class ImageConfig(ModalityConfig):
    kind: Literal["image"] = "image"
    default_encoder: ClassVar[str] = "none"


class TextConfig(ModalityConfig):
    kind: Literal["text"] = "text"
    default_encoder: ClassVar[str] = "none"


class PrototypesConfig(ModalityConfig):
    kind: Literal["prototypes"] = "prototypes"
    default_encoder: ClassVar[str] = "none"
    of_classes: ClassVar[bool] = True


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for installed kinds, so that the test needs no encoder package."""
    registry = Registry()
    for config in (ImageConfig, TextConfig, PrototypesConfig):
        registry.add("modality", config, "test")
    monkeypatch.setattr(plan, "registry", lambda: registry)
    monkeypatch.setattr(source_checks, "registry", lambda: registry)


def refused(root: Path, **options: Any) -> dict[str, str]:
    with pytest.raises(RecipeError) as caught:
        manifest(root, **options)
    return problems(caught.value)


@pytest.mark.usefixtures("kinds")
def test_without_columns_the_header_is_the_mapping(tmp_path: Path) -> None:
    header = "image,front:image,text,prototypes,notes,label,split,instance"
    write(tmp_path / "t.csv", f"{header}\na.jpg,b.jpg,hello,1 2,-,cat,test,7\n")
    touch(tmp_path, "a.jpg", "b.jpg")
    importer = manifest(tmp_path, table="t.csv")
    kinds = {name: column.kind for name, column in importer.columns.items()}
    assert kinds == {"image": "image", "front": "image", "text": "text", "prototypes": "prototypes"}
    assert importer.columns["prototypes"].of_classes
    (row,) = rows_of(importer)
    assert (row.label, row.split, row.instance) == ("cat", "test", "7")
    assert values([row], "front") == ["b.jpg"]
    assert values([row], "text") == ["hello"]
    assert row.items["prototypes"].value.tolist() == [1, 2]
    assert ids([row], "prototypes") == ["cat"]


@pytest.mark.usefixtures("kinds")
def test_a_header_that_names_no_column(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "picture,words\na.jpg,hello\n")
    message = refused(tmp_path, table="t.csv")["columns"]
    assert "picture, words" in message
    assert "image, prototypes, text" in message


@pytest.mark.usefixtures("kinds")
def test_a_header_that_names_a_column_twice(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "image,image:image\na.jpg,b.jpg\n")
    assert "two columns for 'image'" in refused(tmp_path, table="t.csv")["columns"]


def test_every_problem_at_once_with_the_nearest_column(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "picture,objects,class\n1,a;b,x\n")
    found = refused(
        tmp_path,
        table="t.csv",
        split="class",
        label="{clas}",
        columns={
            "image": {"path": "{pictur}.jpg"},
            "text": {"value": "{objects", "vector": "{objects}"},
            "names": {"value": "{objects}{class}", "separator": ";", "read": "text"},
            "points": {"vector": "{picture}", "several": "join", "entry": "{picture}"},
            "classes": {"value": "{class}", "average": True},
            "caption": {},
        },
        joins=[{"table": "none.csv", "on": "{picture}"}],
        splits={"train": ["a"], "test": ["a"]},
    )
    assert "write '{class}'" in found["split"]
    assert "did you mean 'class'" in found["label"]
    assert "t.csv has no column 'pictur'; did you mean 'picture'" in found["columns.image.path"]
    assert "value and vector; give one" in found["columns.text"]
    assert "lone '{'" in found["columns.text.value"]
    assert "uses 2 columns" in found["columns.names.separator"]
    assert "belongs to `path`" in found["columns.names.read"]
    assert "makes one text of several" in found["columns.points.several"]
    assert "npy" in found["columns.points.entry"]
    assert "of_classes = true" in found["columns.classes.average"]
    assert "no column 'caption'" in found["columns.caption"]
    assert "no such table" in found["joins.0.table"]
    assert "'a' means 'train' already" in found["splits.test"]
    assert len(found) == 13


def test_columns_of_classes_need_a_label(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "word\ncat\n")
    columns = {"word": {"kind": "text", "of_classes": True}}
    assert (
        "needs a `label`"
        in refused(tmp_path, table="t.csv", columns=columns)["columns.word.of_classes"]
    )


def test_a_wrong_delimiter_is_suspected(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "picture;objects\n1;a\n")
    found = refused(tmp_path, table="t.csv", columns={"image": {"path": "{picture}.jpg"}})
    assert "table.delimiter" in found["table"]


def test_a_missing_table_or_root(tmp_path: Path) -> None:
    touch(tmp_path, "a.csv")
    assert "holds a.csv" in refused(tmp_path)["table"]
    with pytest.raises(PolymodalError, match="no such folder"):
        manifest(tmp_path / "none", table="a.csv")


def test_problems_of_joins(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "id,imu.x,text\n1,2,a\n")
    write(tmp_path / "imu.csv", "stamp,x\n1,2\n")
    found = refused(
        tmp_path,
        table="t.csv",
        columns={"text": {}},
        joins=[{"table": "imu.csv", "on": "{id}", "by": "{seq}", "tolerance": 1}],
    )
    assert "'imu' is taken" in found["joins.0.name"]
    assert "imu.csv has no column 'id'; known: stamp, x" in found["joins.0.to"]
    assert "has no column 'seq'" in found["joins.0.by"]


def test_names_beyond_the_first_lines_of_jsonl_are_looked_for(tmp_path: Path) -> None:
    lines = ['{"id": 1}'] * 1200
    write(tmp_path / "t.jsonl", "\n".join([*lines, '{"id": 2, "rare": "x", "v": [1, 2]}']))
    columns = {"rare": {"kind": "text", "value": "{rare}"}, "v": {"vector": "{v}"}}
    importer = manifest(tmp_path, table="t.jsonl", columns=columns)
    last = list(importer.rows())[-1]
    assert "rare" in getattr(last, "items", {})
    assert "no column 'rarer'" in str(
        refused(tmp_path, table="t.jsonl", columns={"rarer": {"kind": "text", "value": "{rarer}"}})
    )
