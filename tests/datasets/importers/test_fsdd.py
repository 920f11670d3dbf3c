from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import PolymodalError, UnknownNameError
from polymodal_core.rows import Importer
from polymodal_core.testing import check_importer
from polymodal_datasets.importers.fsdd import FSDDConfig

from .reading import ids, rows_of, split_rows, touch, values
from .sounds import record


def tree(root: Path, *, indices: range = range(12)) -> Path:
    names = [
        f"{digit}_{speaker}_{index}.wav"
        for digit in (0, 7)
        for speaker in ("ann", "bob", "de_la_cruz")
        for index in indices
    ]
    touch(root / "recordings", *names)
    return root


def build(root: Path, **options: Any) -> Importer:
    return FSDDConfig(root=root, **options).build()


def test_a_row_is_a_recording_and_its_word(tmp_path: Path) -> None:
    importer = build(tree(tmp_path))
    rows = rows_of(importer)
    assert importer.total == len(rows) == 72
    assert {
        name: (column.kind, column.of_classes) for name, column in importer.columns.items()
    } == {
        "speech": ("speech", False),
        "word": ("text", True),
    }
    assert set(values(rows, "word")) == {"zero", "seven"}
    for row in rows:
        name = row.items["speech"].value
        assert row.label == row.items["word"].id == {"0": "zero", "7": "seven"}[name[0]]
        assert row.instance == name
        assert (Path(str(importer.root)) / name).is_file()


def test_the_first_indices_are_the_official_test_split(tmp_path: Path) -> None:
    for row in rows_of(build(tree(tmp_path))):
        index = int(str(row.instance).removesuffix(".wav").rpartition("_")[2])
        assert row.split == ("test" if index < 5 else "validation" if index < 10 else "train")


def test_where_these_are_missing_the_first_that_are_there_take_their_place(tmp_path: Path) -> None:
    rows = rows_of(build(tree(tmp_path, indices=range(5, 50)), test=10, validation=5))
    assert Counter(row.split for row in rows) == {"train": 180, "test": 60, "validation": 30}
    held = {row.instance for row in rows if row.split == "test"}
    assert {str(name).rpartition("_")[2] for name in held} == {f"{n}.wav" for n in range(5, 15)}


def test_unseen_speakers_are_apart(tmp_path: Path) -> None:
    rows = rows_of(build(tree(tmp_path), unseen=("de_la_cruz",)))
    for row in rows:
        assert (row.split == "unseen") == ("de_la_cruz" in str(row.instance))
    with pytest.raises(UnknownNameError, match="has no speaker 'an'; did you mean 'ann'"):
        build(tmp_path, unseen=("an",))


def test_the_folder_itself_and_other_files(tmp_path: Path) -> None:
    touch(tmp_path, "3_ann_0.flac", "README.md", "3_ann.wav", "x_ann_0.wav")
    rows, bad = split_rows(build(tmp_path, test=0, validation=0))
    assert ids(rows, "speech") == ["3_ann_0.flac"]
    assert [row.origin for row in bad] == ["3_ann.wav", "x_ann_0.wav"]
    assert bad[0].message == "a name such as '7_jackson_0.wav' is expected"


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match="no such folder"):
        build(tmp_path / "nowhere")
    with pytest.raises(PolymodalError, match="of 0 recordings none is left to train on"):
        build(tmp_path)
    with pytest.raises(PolymodalError, match="of 72 recordings none is left to train on; name"):
        build(tree(tmp_path), unseen=("ann", "bob", "de_la_cruz"))


def test_contract(tmp_path: Path) -> None:
    record(tmp_path, *(f"{digit}_ann_{index}.wav" for digit in (1, 2) for index in range(4)))
    check_importer(FSDDConfig(root=tmp_path, test=1, validation=1))


def test_the_shared_subset(shared_data: Path) -> None:
    rows = rows_of(build(shared_data / "fsdd", unseen=("theo", "yweweler")))
    assert Counter(row.split for row in rows) == {
        "train": 3 * 10 * 35,
        "test": 3 * 10 * 5,
        "validation": 3 * 10 * 5,
        "unseen": 2 * 10 * 45,
    }
