from __future__ import annotations

from pathlib import Path

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_core.rows import Importer
from polymodal_datasets.importers.flickr8k import Flickr8kConfig

from .reading import ids, rows_of, split_rows, touch, values, write

TOKENS = "Flickr8k_text/Flickr8k.token.txt"
TRAIN = "Flickr8k_text/Flickr_8k.trainImages.txt"
DEV = "Flickr8k_text/Flickr_8k.devImages.txt"
TEST = "Flickr8k_text/Flickr_8k.testImages.txt"


def captions(*names: str) -> str:
    return "".join(f"{name}#{n}\tcaption {n} of {name} .\n" for name in names for n in range(5))


def tree(root: Path) -> Path:
    write(root / TOKENS, captions("a.jpg", "b.jpg", "c.jpg"))
    write(root / TRAIN, "a.jpg\n")
    write(root / DEV, "b.jpg\n")
    write(root / TEST, "c.jpg\n")
    touch(root / "Flicker8k_Dataset", "a.jpg", "b.jpg", "c.jpg")
    return root


def build(root: Path) -> Importer:
    return Flickr8kConfig(root=root).build()


def test_five_captions_point_at_one_picture(tmp_path: Path) -> None:
    # A peer with a row per picture, or a picture per caption, fails here.
    importer = build(tree(tmp_path))
    rows = rows_of(importer)
    assert {name: column.kind for name, column in importer.columns.items()} == {
        "image": "image",
        "text": "text",
    }
    assert len(rows) == 15 == importer.total
    assert ids(rows, "image")[:6] == ["Flicker8k_Dataset/a.jpg"] * 5 + ["Flicker8k_Dataset/b.jpg"]
    assert (tmp_path / values(rows, "image")[0]).is_file()
    assert ids(rows, "text")[:2] == ["a.jpg#0", "a.jpg#1"]
    assert len(set(ids(rows, "text"))) == 15
    assert values(rows, "text")[1] == "caption 1 of a.jpg ."
    assert [row.split for row in rows[::5]] == ["train", "dev", "test"]
    assert [row.instance for row in rows[::5]] == ["a.jpg", "b.jpg", "c.jpg"]
    assert {row.label for row in rows} == {None}


def test_windows_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    tree(tmp_path)
    text = (tmp_path / TOKENS).read_text()
    (tmp_path / TOKENS).write_bytes(("\ufeff" + text.replace("\n", "\r\n")).encode())
    (tmp_path / TRAIN).write_bytes(b"\xef\xbb\xbfa.jpg\r\n")
    rows = rows_of(build(tmp_path))
    assert len(rows) == 15
    assert values(rows, "text")[0] == "caption 0 of a.jpg ."


def test_pictures_in_no_present_list_are_left_out_and_counted(tmp_path: Path) -> None:
    tree(tmp_path)
    (tmp_path / TEST).unlink()
    write(tmp_path / DEV, "b.jpg\nwithout.jpg\n")
    importer = build(tmp_path)
    rows = rows_of(importer)
    assert {row.split for row in rows} == {"train", "dev"}
    assert importer.total == 10
    assert importer.notes == {  # type: ignore[attr-defined]
        "pictures with captions, in no split list": 1,
        "pictures in a split list, without captions": 1,
    }


def test_the_text_files_may_lie_beside_the_pictures(tmp_path: Path) -> None:
    tree(tmp_path)
    for path in (tmp_path / "Flickr8k_text").iterdir():
        path.rename(tmp_path / path.name)
    assert len(rows_of(build(tmp_path))) == 15


def test_a_missing_picture_is_one_bad_row(tmp_path: Path) -> None:
    tree(tmp_path)
    (tmp_path / "Flicker8k_Dataset" / "b.jpg").unlink()
    importer = build(tmp_path)
    rows, bad = split_rows(importer)
    assert len(rows) == 10
    assert [row.origin for row in bad] == ["Flickr8k.token.txt:6"]
    assert "b.jpg" in bad[0].message
    assert importer.total == 11


def test_bad_captions_name_their_line(tmp_path: Path) -> None:
    tree(tmp_path)
    lines = ["a.jpg#0\tgood", "a.jpg#1 no tab", "a.jpg\tno number", "a.jpg#2\t ", "", "a.jpg#0\tx"]
    (tmp_path / TOKENS).write_bytes("\n".join(lines).encode() + b"\na.jpg#3\tcaf\xe9\n")
    rows, bad = split_rows(build(tmp_path))
    assert values(rows, "text") == ["good"]
    assert [row.origin.split(":")[1] for row in bad] == ["2", "3", "4", "6", "7"]
    for row, part in zip(
        bad,
        (
            "given 'a.jpg#1 no tab'",
            "given 'a.jpg\tno number'",
            "the caption is empty",
            "'a.jpg#0' is there already",
            "0xe9",
        ),
        strict=True,
    ):
        assert part in row.message


def test_a_picture_in_two_splits_is_refused(tmp_path: Path) -> None:
    tree(tmp_path)
    write(tmp_path / DEV, "b.jpg\na.jpg\n")
    with pytest.raises(PolymodalError, match=r"a\.jpg is in the list of 'train' and in .*dev"):
        build(tmp_path)


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        (("Flicker8k_Dataset",), "no folder Flicker8k_Dataset"),
        ((TOKENS,), r"no captions: Flickr8k_text/Flickr8k\.token\.txt"),
        ((TRAIN, DEV, TEST), r"no split list; any of .*testImages\.txt does"),
    ],
)
def test_missing_parts(tmp_path: Path, gone: tuple[str, ...], message: str) -> None:
    tree(tmp_path)
    for name in gone:
        (tmp_path / name).rename(tmp_path / f"elsewhere {Path(name).name}")
    with pytest.raises(PolymodalError, match=message):
        build(tmp_path)


def test_the_shared_subset(shared_data: Path) -> None:
    importer = build(shared_data / "flickr8k")
    rows = rows_of(importer)
    assert len(rows) == 27_500 == importer.total
    assert len(set(ids(rows, "image"))) == 5500
    assert len(set(ids(rows, "text"))) == 27_500
    assert len({row.instance for row in rows if row.split == "train"}) == 4500
    assert len({row.instance for row in rows if row.split == "dev"}) == 1000
    assert importer.notes == {}  # type: ignore[attr-defined]
