from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polymodal_core.rows import BadRow, Row

from .reading import ids, manifest, rows_of, split_rows, touch, values, write

TEXT = {"text": {"value": "{text}"}}


def test_parts_of_a_row(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "id,text,class,part\n7,hello,a cat,train\n8,,,test\n")
    touch(tmp_path, "i/7.jpg", "i/8.jpg")
    importer = manifest(
        tmp_path,
        table="t.csv",
        split="{part}",
        instance="scene {id}",
        label="{class}",
        columns={"image": {"path": "i/{id}.jpg", "options": {"size": 8}}, **TEXT},
    )
    assert importer.root == str(tmp_path)
    assert importer.columns["image"].options == {"size": 8}
    assert importer.total == 2
    first, second = rows_of(importer)
    assert (first.instance, first.label, first.split) == ("scene 7", "a cat", "train")
    assert (first.origin, second.origin) == ("t.csv:2", "t.csv:3")
    assert (second.instance, second.label, second.split) == ("scene 8", None, "test")
    assert values([first, second], "text") == ["hello", None]
    assert ids([first, second], "image") == ["i/7.jpg", "i/8.jpg"]


def test_five_captions_in_one_cell_point_at_one_picture(tmp_path: Path) -> None:
    # A peer that pairs rows by position has one row here, or five pictures.
    write(tmp_path / "t.csv", "id,text\n7,a|b|c|d|e\n8,f\n")
    touch(tmp_path, "7.jpg", "8.jpg")
    columns = {"image": {"path": "{id}.jpg"}, "text": {"value": "{text}", "separator": "|"}}
    importer = manifest(tmp_path, table="t.csv", columns=columns)
    rows = rows_of(importer)
    assert values(rows, "text") == list("abcdef")
    assert ids(rows, "image") == ["7.jpg"] * 5 + ["8.jpg"]
    assert len(set(ids(rows, "text"))) == 6
    assert {row.instance for row in rows[:5]} == {"t.csv:2"}
    assert rows[5].instance == "t.csv:3"
    assert importer.total is None


def test_several_values_of_several_columns_go_side_by_side(tmp_path: Path) -> None:
    lines = '{"en": ["a", "b", "c"], "de": ["x", "y"], "fr": "one", "es": []}\n'
    write(tmp_path / "t.jsonl", lines)
    columns = {name: {"kind": "text", "value": f"{{{name}}}"} for name in ("en", "de", "fr", "es")}
    rows = rows_of(manifest(tmp_path, table="t.jsonl", columns=columns))
    assert values(rows, "en") == ["a", "b", "c"]
    assert values(rows, "de") == ["x", "y", None]
    assert values(rows, "fr") == ["one"] * 3
    assert len(set(ids(rows, "fr"))) == 1
    assert values(rows, "es") == [None] * 3


def test_splits_are_renamed(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "text,part\na,training\nb,val\nc,odd\nd,\n")
    rows, bad = split_rows(
        manifest(
            tmp_path,
            table="t.csv",
            columns=TEXT,
            split="{part}",
            splits={"train": ["training"], "test": ["val"]},
        )
    )
    assert [row.split for row in rows] == ["train", "test"]
    assert [row.origin for row in bad] == ["t.csv:4, column 'part'", "t.csv:5, column 'part'"]
    assert "'odd' is in none of [splits]: 'training', 'val'" in bad[0].message
    assert "is empty" in bad[1].message


def test_splits_default_to_train_or_one_name(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "text,split\na,x\n")
    assert rows_of(manifest(tmp_path, table="t.csv", columns=TEXT))[0].split == "train"
    named = manifest(tmp_path, table="t.csv", columns=TEXT, split="extra")
    assert rows_of(named)[0].split == "extra"


def test_a_bad_value_costs_all_rows_of_its_record_and_no_other(tmp_path: Path) -> None:
    text = 'id,text\n1,"a\nb"\n2,c|d\n3,e\n4\n5,\n6,f\n'
    write(tmp_path / "t.csv", text)
    touch(tmp_path, "1.jpg", "3.jpg", "6.jpg")
    columns = {"image": {"path": "{id}.jpg"}, "text": {"value": "{text}", "separator": "|"}}
    rows, bad = split_rows(manifest(tmp_path, table="t.csv", columns=columns))
    assert values(rows, "text") == ["a\nb", "e", "f"]
    assert [row.origin for row in bad] == [
        "t.csv:4, column 'id'",
        "t.csv:6",
        "t.csv:7, column 'id'",
    ]
    assert bad[0].message == f"image: no such file: {tmp_path / '2.jpg'}"


def test_rows_without_any_value(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "text,note\n,x\na,y\n")
    rows, bad = split_rows(manifest(tmp_path, table="t.csv", columns=TEXT))
    assert len(rows) == 1
    assert bad == [BadRow("t.csv:2", "has no value for any of text")]


def test_markers_of_missing_values(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "text,class\na,NA\nnull,b\n")
    table = {"file": "t.csv", "missing": ["NA", "null"]}
    rows, bad = split_rows(manifest(tmp_path, table=table, columns=TEXT, label="{class}"))
    assert rows[0].label is None
    assert [row.origin for row in bad] == ["t.csv:3"]


def test_a_byte_of_another_encoding_costs_its_row(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"text\ncaf\xe9\nb\n")
    rows, bad = split_rows(manifest(tmp_path, table="t.csv", columns=TEXT))
    assert values(rows, "text") == ["b"]
    assert bad[0].origin == "t.csv:2, column 'text'"
    assert "0xe9" in bad[0].message


def test_vectors_of_one_column_have_one_length(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "v\n1 2 3\n1 2\n1 nan 3\n4 5 6\n")
    rows, bad = split_rows(manifest(tmp_path, table="t.csv", columns={"v": {"vector": "{v}"}}))
    assert [value.tolist() for value in values(rows, "v")] == [[1, 2, 3], [4, 5, 6]]
    assert [row.origin for row in bad] == ["t.csv:3, column 'v'", "t.csv:4, column 'v'"]
    assert bad[0].message == "v: 2 numbers, where t.csv:2 has 3"
    assert "nan at value 2" in bad[1].message


def test_an_id_has_one_value(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "id,text\n1,a\n1,a\n1,b\n")
    columns = {"text": {"value": "{text}", "id": "{id}"}}
    rows, bad = split_rows(manifest(tmp_path, table="t.csv", columns=columns))
    assert ids(rows, "text") == ["1", "1"]
    assert [row.origin for row in bad] == ["t.csv:4, columns 'text', 'id'"]
    assert "'1' has another value at t.csv:2" in bad[0].message


def classes(tmp_path: Path, **options: Any) -> dict[str, Any]:
    write(tmp_path / "t.csv", "x_1,x_2,class\n1,2,cat\n3,6,cat\n5,5,dog\n,,dog\n1,,cat\n")
    column = {"kind": "vectors", "vector": "{x_*}", "of_classes": True, **options}
    return {"table": "t.csv", "label": "{class}", "columns": {"prototype": column}}


def test_a_class_has_one_value(tmp_path: Path) -> None:
    importer = manifest(tmp_path, **classes(tmp_path))
    assert importer.columns["prototype"].of_classes
    rows, bad = split_rows(importer)
    assert ids(rows, "prototype") == ["cat", "dog"]
    assert [row.origin for row in bad] == [
        "t.csv:3, columns 'x_1', 'x_2'",
        "t.csv:5",
        "t.csv:6, column 'x_2'",
    ]


def test_the_mean_of_a_class(tmp_path: Path) -> None:
    rows, bad = split_rows(manifest(tmp_path, **classes(tmp_path, average=True)))
    assert ids(rows, "prototype") == ["cat", "cat", "dog", "dog"]
    found = np.array(values(rows, "prototype"))
    assert found.tolist() == [[2, 4], [2, 4], [5, 5], [5, 5]]
    assert [row.origin for row in bad] == ["t.csv:6, column 'x_2'"]


def test_a_join_by_key(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "text,sku\na,1\nb,2\nc,1\nd,\n")
    write(tmp_path / "p.csv", "sku,title,class\n1,One,x\n3,Three,z\n3,Again,z\n")
    columns = {**TEXT, "title": {"kind": "text", "value": "{p.title}"}}
    importer = manifest(
        tmp_path,
        table="t.csv",
        columns=columns,
        label="{p.class}",
        joins=[{"table": "p.csv", "on": "{sku}"}],
    )
    rows, bad = split_rows(importer)
    assert values(rows, "title") == ["One", None, "One", None]
    # The joined value is one item, named by where it stands.
    assert ids(rows, "title") == ["p.csv:2#title", None, "p.csv:2#title", None]
    assert [row.label for row in rows] == ["x", None, "x", None]
    assert [row.origin for row in bad] == ["p.csv:4, column 'sku'"]
    assert importer.notes == {"records of t.csv without a match in p.csv": 2}  # type: ignore[attr-defined]
    assert importer.total is None


def test_a_join_by_the_nearest_time(tmp_path: Path) -> None:
    write(tmp_path / "frames.csv", "time,image\n0.10,a.jpg\n0.20,b.jpg\n0.50,c.jpg\nlate,d.jpg\n")
    write(tmp_path / "imu.csv", "stamp,x,y\n0.21,3,4\n0.09,1,2\n0.30,5,6\n0.205,,\n")
    touch(tmp_path, "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    importer = manifest(
        tmp_path,
        table="frames.csv",
        columns={"image": {"path": "{image}"}, "motion": {"vector": "{imu.?}"}},
        joins=[{"table": "imu.csv", "on": "{time}", "to": "{stamp}", "tolerance": 0.01}],
    )
    with pytest.raises(Exception, match="no column"):
        manifest(tmp_path, table="frames.csv", columns={"motion": {"vector": "{imu.x}"}})
    rows, bad = split_rows(importer)
    motion = [None if value is None else value.tolist() for value in values(rows, "motion")]
    assert motion == [[1, 2], None, None]
    assert [row.origin for row in bad] == ["frames.csv:5, column 'time'"]


def test_a_bad_joined_cell_names_both_places(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "text,sku\na,1\n")
    write(tmp_path / "p.csv", "sku,x\n1,nan\n")
    columns = {**TEXT, "v": {"vector": "{p.x}"}}
    joins = [{"table": "p.csv", "on": "{sku}"}]
    _, bad = split_rows(manifest(tmp_path, table="t.csv", columns=columns, joins=joins))
    assert [row.origin for row in bad] == ["t.csv:2, joined p.csv:2, column 'x'"]


def test_a_join_that_matches_nothing_is_said(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "text,sku\na,1\nb,2\n")
    write(tmp_path / "p.csv", "sku,title\n01,One\n")
    columns = {**TEXT, "title": {"kind": "text", "value": "{p.title}"}}
    joins = [{"table": "p.csv", "on": "{sku}"}]
    rows, bad = split_rows(manifest(tmp_path, table="t.csv", columns=columns, joins=joins))
    assert values(rows, "text") == ["a", "b"]
    assert [row.origin for row in bad] == ["p.csv"]
    assert "none of the 2 records of t.csv matches" in bad[0].message


def test_joins_in_a_chain(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "text,sku\na,1\n")
    write(tmp_path / "p.csv", "sku,maker\n1,m\n")
    write(tmp_path / "makers.csv", "id,name\nm,Acme\n")
    joins = [
        {"table": "p.csv", "on": "{sku}"},
        {"table": "makers.csv", "on": "{p.maker}", "to": "{id}", "name": "who"},
    ]
    columns = {**TEXT, "maker": {"kind": "text", "value": "by {who.name}"}}
    rows = rows_of(manifest(tmp_path, table="t.csv", columns=columns, joins=joins))
    assert values(rows, "maker") == ["by Acme"]


def test_parquet_and_jsonl_give_what_csv_gives(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "id,text,v\n1,a,1 2\n2,,3 4\n")
    write(tmp_path / "t.jsonl", '{"id": 1, "text": "a", "v": [1, 2]}\n{"id": 2, "v": [3, 4]}\n')
    table = {"id": [1, 2], "text": ["a", None], "v": [[1.0, 2.0], [3.0, 4.0]]}
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    columns = {**TEXT, "v": {"vector": "{v}"}}
    found = {}
    for name in ("t.csv", "t.jsonl", "t.parquet"):
        importer = manifest(tmp_path, table=name, columns=columns, instance="{id}")
        rows = rows_of(importer)
        vectors = [value.tolist() for value in values(rows, "v")]
        found[name] = ([row.instance for row in rows], values(rows, "text"), vectors)
        assert importer.total == (None if name == "t.jsonl" else 2)
    assert found["t.csv"] == found["t.jsonl"] == found["t.parquet"]
    assert found["t.csv"] == (["1", "2"], ["a", None], [[1, 2], [3, 4]])


def test_reading_again_gives_the_same_rows(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", "text,sku\na,1\nb,9\n")
    write(tmp_path / "p.csv", "sku,title\n1,One\n")
    columns = {**TEXT, "title": {"kind": "text", "value": "{p.title}"}}
    joins = [{"table": "p.csv", "on": "{sku}"}]
    importer = manifest(tmp_path, table="t.csv", columns=columns, joins=joins)
    assert list(importer.rows()) == list(importer.rows())


def test_nyuv2(shared_data: Path) -> None:
    importer = manifest(shared_data / "nyuv2", mapping="nyuv2")
    assert importer.columns["depth"].options == {"unit": "255=10m"}
    rows: list[Row] = rows_of(importer)
    assert len(rows) == 1191 == importer.total
    labelled = [row for row in rows if row.label is not None]
    assert len(labelled) == 396
    assert {row.split for row in labelled} == {"test"}
    assert len({row.label for row in labelled}) == 16
    assert {row.split for row in rows} == {"train", "test"}
    assert rows[2].items["text"].value == "wall, door, table, chair, box, paper"
    assert len({row.instance for row in rows}) == 1191
    assert all(set(row.items) == {"image", "depth", "text", "segmentation"} for row in rows)
