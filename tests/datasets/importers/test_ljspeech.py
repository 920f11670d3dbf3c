from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_core.rows import Importer
from polymodal_core.testing import check_importer
from polymodal_datasets.importers.ljspeech import LJSpeechConfig
from pydantic import ValidationError

from .reading import ids, rows_of, split_rows, touch, values, write
from .sounds import record

LINES = [f'LJ001-{n:04d}|In {n} "A.D.",|In year {n} "A.D.",' for n in range(1, 21)]


def tree(root: Path, lines: list[str] = LINES) -> Path:
    write(root / "LJSpeech-1.1" / "metadata.csv", "\n".join(lines) + "\n")
    touch(root / "LJSpeech-1.1" / "wavs", *(f"{line.partition('|')[0]}.wav" for line in lines))
    return root


def build(root: Path, **options: Any) -> Importer:
    return LJSpeechConfig(root=root, **options).build()


def test_a_row_is_a_recording_and_what_is_read(tmp_path: Path) -> None:
    importer = build(tree(tmp_path))
    rows = rows_of(importer)
    assert importer.total == len(rows) == 20
    assert {name: column.kind for name, column in importer.columns.items()} == {
        "speech": "speech",
        "text": "text",
    }
    assert values(rows, "text")[2] == 'In year 3 "A.D.",'
    assert ids(rows, "text")[2] == rows[2].instance == "LJ001-0003"
    assert (Path(str(importer.root)) / values(rows, "speech")[2]).name == "LJ001-0003.wav"
    assert {row.label for row in rows} == {None}


def test_the_printed_text_can_be_had_and_stands_in_where_there_is_no_other(tmp_path: Path) -> None:
    tree(tmp_path, [*LINES, "LJ002-0001|only printed"])
    assert values(rows_of(build(tmp_path, text="printed")), "text")[0] == 'In 1 "A.D.",'
    assert values(rows_of(build(tmp_path)), "text")[-1] == "only printed"


def test_splits_are_drawn_once_and_by_seed(tmp_path: Path) -> None:
    rows = rows_of(build(tree(tmp_path), test=0.2, validation=0.1))
    assert Counter(row.split for row in rows) == {"train": 14, "test": 4, "validation": 2}
    other = rows_of(build(tmp_path, test=0.2, validation=0.1, seed=1))
    assert [row.split for row in rows] != [row.split for row in other]
    shuffled = rows_of(build(tree(tmp_path / "b", LINES[::-1]), test=0.2, validation=0.1))
    assert {row.instance: row.split for row in shuffled} == {
        row.instance: row.split for row in rows
    }


def test_the_folder_itself_windows_line_ends_and_flac(tmp_path: Path) -> None:
    write(tmp_path / "metadata.csv", "\ufeffa|one\u2028line|one\u2028line\r\n\r\nb|two|two\r\n")
    touch(tmp_path / "wavs", "a.flac", "b.ogg")
    rows = rows_of(build(tmp_path, test=0.0, validation=0.0))
    assert values(rows, "speech") == ["wavs/a.flac", "wavs/b.ogg"]
    assert values(rows, "text") == ["one\u2028line", "two"]


def test_bad_lines_cost_themselves(tmp_path: Path) -> None:
    wrong = ["no bars", "a|b|c|d", "LJ001-0001|again|again", "LJ001-0099|silent|silent", "x||"]
    tree(tmp_path, [*LINES, *wrong])
    (tmp_path / "LJSpeech-1.1" / "wavs" / "LJ001-0099.wav").unlink()
    rows, bad = split_rows(build(tmp_path))
    assert len(rows) == 20
    assert [row.origin for row in bad] == [f"metadata.csv:{number}" for number in range(21, 26)]
    assert [row.message for row in bad] == [
        "'id|text|normalised text' is expected; given 'no bars'",
        "'id|text|normalised text' is expected; given 'a|b|c|d'",
        "the recording 'LJ001-0001' is there already",
        "no recording wavs/LJ001-0099.wav, nor any other of that name",
        "x has no text",
    ]


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match=r"has no metadata\.csv; LJ Speech's own layout"):
        build(tmp_path)
    write(tmp_path / "metadata.csv", "a|b|c")
    with pytest.raises(PolymodalError, match="has no wavs"):
        build(tmp_path)
    with pytest.raises(ValidationError, match="leave nothing to train on"):
        build(tmp_path, validation=0.6, test=0.4)


def test_contract(tmp_path: Path) -> None:
    write(
        tmp_path / "metadata.csv", "".join(f"{name}|says {name}|says {name}\n" for name in "abcd")
    )
    record(tmp_path / "wavs", *(f"{name}.wav" for name in "abcd"))
    check_importer(LJSpeechConfig(root=tmp_path, text="printed", seed=2))


def test_the_shared_subset(shared_data: Path) -> None:
    importer = build(shared_data / "ljspeech")
    rows = rows_of(importer)
    assert len(rows) == 167
    assert values(rows, "text")[0] == "in being comparatively modern."
    assert (Path(str(importer.root)) / values(rows, "speech")[0]).is_file()
