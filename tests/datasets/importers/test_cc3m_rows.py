from __future__ import annotations

import io
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from polymodal_core.errors import PolymodalError
from polymodal_core.plugins import registry
from polymodal_core.rows import Importer
from polymodal_core.testing import check_importer
from polymodal_datasets.importers.cc3m import CC3MConfig
from polymodal_datasets.pack import pack
from polymodal_datasets.store import Store

from .reading import ids, rows_of, split_rows, values, write
from .test_webdataset import shard

CAPTION = "a dog on the beach"


def picture(width: int = 240, height: int = 200, *, shade: int = 90) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (shade, 2 * shade, 40)).save(stream, "JPEG")
    return stream.getvalue()


def build(root: Path, **options: Any) -> Importer:
    return CC3MConfig.model_validate({"root": root, **options}).build()


def notes(importer: Importer) -> dict[str, int]:
    return dict(importer.notes)  # type: ignore[attr-defined]


def shards(root: Path) -> Path:
    train = {
        "000.jpg": picture(),
        "000.txt": f" {CAPTION} \n".encode(),
        "000.json": b"{}",
        "001.jpg": picture(199, 400),
        "001.txt": CAPTION.encode(),
        "002.jpg": picture(),
        "002.txt": b"dog",
        "003.jpg": picture(),
        "003.txt": b"more at www.example.com now",
        "004.png": picture(200, 200),
        "004.json": json.dumps({"caption": "two cats sleep"}).encode(),
        "005.txt": CAPTION.encode(),
        "006.jpg": b"no picture",
        "006.txt": CAPTION.encode(),
        "007.jpg": picture(),
        "008.jpg": picture(),
        "008.json": b"{",
    }
    shard(root / "cc3m-train-0001.tar", train)
    shard(
        root / "deep" / "cc3m-validation-0000.tar",
        {"000.jpg": picture(), "000.txt": b"the sea at night"},
    )
    return root


def test_shards(tmp_path: Path) -> None:
    importer = build(shards(tmp_path))

    rows, bad = split_rows(importer)

    assert ids(rows, "image") == [
        "cc3m-train-0001/000",
        "cc3m-train-0001/004",
        "deep/cc3m-validation-0000/000",
    ]
    assert values(rows, "text") == [CAPTION, "two cats sleep", "the sea at night"]
    assert values(rows, "image")[0] == picture()
    assert [row.split for row in rows] == ["train", "train", "validation"]
    assert [row.instance for row in rows] == ids(rows, "image")
    assert notes(importer) == {
        "captions that are noisy": 1,
        "captions that are too short": 1,
        "pictures that are too small": 1,
    }
    assert [row.origin for row in bad] == [f"cc3m-train-0001/00{n}" for n in (5, 6, 7, 8)]
    assert "has no picture; it has txt" in bad[0].message
    assert "its picture is broken" in bad[1].message
    assert "has no caption" in bad[2].message
    assert "cannot be read" in bad[3].message


def test_without_filters_all_is_kept(tmp_path: Path) -> None:
    importer = build(shards(tmp_path), min_side=0, min_words=1, max_symbols=1, addresses=True)

    rows, _ = split_rows(importer)

    assert len(rows) == 6
    assert notes(importer) == {}


def test_a_store_says_what_was_left_out(tmp_path: Path) -> None:
    shards(tmp_path / "raw")
    cut = picture()[:-300]
    shard(tmp_path / "raw" / "z.tar", {"000.jpg": cut, "000.txt": CAPTION.encode()})
    importer = build(tmp_path / "raw")

    report = pack(importer, tmp_path / "store", registry=registry(), source={"kind": "cc3m"})

    # What breaks off behind its header is found out where it is decoded.
    assert (report.rows, report.skipped) == (3, 5)
    described = Store(tmp_path / "store").describe()
    assert described["source"] == {"kind": "cc3m", "left_out": notes(importer)}
    assert described["bad_rows"] == 5


def test_a_table_of_addresses(tmp_path: Path) -> None:
    addresses = [f"http://x.org/{n}" for n in range(4)]
    lines = [f"{CAPTION} {n}\t{address}" for n, address in enumerate(addresses)]
    write(tmp_path / "Train_GCC-training.tsv", "\n".join(lines) + "\nno tab here\n")
    names = [f"0_{crc(addresses[0])}", f"{crc(addresses[1])}", f"2_{crc(addresses[2])}.jpg"]
    for name in names:
        path = tmp_path / "training" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(picture())

    rows, bad = split_rows(build(tmp_path))

    assert ids(rows, "image") == [f"training/{name}" for name in names]
    assert values(rows, "text") == [f"{CAPTION} {n}" for n in range(3)]
    assert ids(rows, "text")[0] == "Train_GCC-training.tsv#0"
    assert [row.message for row in bad] == [
        "no picture of http://x.org/3",
        "a caption, a tab, and an address or path are expected",
    ]
    assert bad[0].origin == "Train_GCC-training.tsv:4"


def crc(address: str) -> int:
    return zlib.crc32(address.encode())


@pytest.mark.parametrize("header", ["title\tfilepath\n", ""])
def test_a_table_of_paths(tmp_path: Path, header: str) -> None:
    write(tmp_path / "Validation.tsv", f"{header}{CAPTION}\tpictures/a.jpg\r\n")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.jpg").write_bytes(picture())

    (row,) = rows_of(build(tmp_path))

    assert row.items["image"].value == "pictures/a.jpg"
    assert row.split == "validation"


def test_columns_in_another_order(tmp_path: Path) -> None:
    write(tmp_path / "x.tsv", f"filepath\tcaption\na.jpg\t{CAPTION}\n")
    (tmp_path / "a.jpg").write_bytes(picture())

    assert values(rows_of(build(tmp_path)), "text") == [CAPTION]


def test_it_is_an_importer(tmp_path: Path) -> None:
    shard(tmp_path / "x.tar", {"0.jpg": picture(), "0.txt": CAPTION.encode()})
    check_importer(CC3MConfig(root=tmp_path))


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match=r"no shards \(\*.tar\) and no tables"):
        build(tmp_path)
    shard(tmp_path / "x.tar", {})
    write(tmp_path / "x.tsv", "")
    with pytest.raises(PolymodalError, match="which would give pictures twice"):
        build(tmp_path)
    with pytest.raises(PolymodalError, match="no such folder"):
        build(tmp_path / "none")
