from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from polymodal_core.rows import BadRow
from polymodal_datasets.importers import webdataset
from polymodal_datasets.importers.webdataset import Sample, read_samples


def shard(path: Path, files: dict[str, bytes], *, mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as opened:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return path


FILES = {"a.jpg": b"1", "a.txt": b"2", "b/c.d.JSON": b"3", "b/c.txt": b"4", "e.jpg": b"5"}


def test_files_of_one_key_are_a_sample(tmp_path: Path) -> None:
    assert list(read_samples(shard(tmp_path / "x.tar", FILES))) == [
        Sample("a", {"jpg": b"1", "txt": b"2"}),
        Sample("b/c", {"d.json": b"3", "txt": b"4"}),
        Sample("e", {"jpg": b"5"}),
    ]


def test_compressed_shards_too(tmp_path: Path) -> None:
    assert len(list(read_samples(shard(tmp_path / "x.tar", FILES, mode="w:gz")))) == 3


def test_links_and_folders_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as opened:
        folder = tarfile.TarInfo("deep")
        folder.type = tarfile.DIRTYPE
        opened.addfile(folder)
        link = tarfile.TarInfo("a.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        opened.addfile(link)

    assert list(read_samples(path)) == []


def test_a_shard_that_breaks_off(tmp_path: Path) -> None:
    path = shard(tmp_path / "x.tar", {"a.txt": b"1", "b.txt": b"x" * 5000})
    path.write_bytes(path.read_bytes()[:2500])

    found = list(read_samples(path))

    assert found[0] == Sample("a", {"txt": b"1"})
    assert isinstance(found[-1], BadRow)
    assert "breaks off after 'b'" in found[-1].message
    (tmp_path / "y.tar").write_bytes(b"no tar")
    (bad,) = read_samples(tmp_path / "y.tar")
    assert isinstance(bad, BadRow)


def test_a_file_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shard(tmp_path / "x.tar", {"a.jpg": b"1234", "a.txt": b"2"})
    monkeypatch.setattr(webdataset, "LARGEST_FILE", 3)

    bad, sample = read_samples(path)

    assert bad == BadRow("x.tar: a.jpg", "has 4 bytes")
    assert sample == Sample("a", {"txt": b"2"})
