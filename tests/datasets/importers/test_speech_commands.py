from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import PolymodalError, UnknownNameError
from polymodal_core.rows import Importer
from polymodal_core.testing import check_importer
from polymodal_datasets.importers.speech_commands import SpeechCommandsConfig
from pydantic import ValidationError

from .reading import ids, rows_of, split_rows, touch, values, write
from .sounds import record

SPEAKERS = [f"{number:08x}" for number in range(0, 4000, 97)]


def tree(root: Path) -> Path:
    for word in ("yes", "no"):
        touch(root / word, *(f"{speaker}_nohash_0.wav" for speaker in SPEAKERS))
    touch(root, "_background_noise_/pink_noise.wav", "LICENSE", "README.md")
    return root


def build(root: Path, **options: Any) -> Importer:
    return SpeechCommandsConfig(root=root, **options).build()


def which_set(speaker: str) -> str:
    """As in the data set's README, for 10 % and 10 %."""
    number = int(hashlib.sha1(speaker.encode("utf-8")).hexdigest(), 16)
    percentage = (number % (2**27)) * (100.0 / (2**27 - 1))
    return "validation" if percentage < 10 else "test" if percentage < 20 else "train"


def test_a_row_is_a_recording_and_its_word(tmp_path: Path) -> None:
    importer = build(tree(tmp_path))
    rows = rows_of(importer)
    assert importer.total == len(rows) == 2 * len(SPEAKERS)
    assert {
        name: (column.kind, column.of_classes) for name, column in importer.columns.items()
    } == {
        "speech": ("speech", False),
        "word": ("text", True),
    }
    assert ids(rows, "speech")[0] == "no/00000000_nohash_0.wav" == rows[0].instance
    assert (tmp_path / values(rows, "speech")[0]).is_file()
    assert set(values(rows, "word")) == {"yes", "no"}
    assert all(row.label == row.items["word"].id for row in rows)


def test_without_lists_the_split_is_that_of_the_hash_they_were_made_by(tmp_path: Path) -> None:
    rows = rows_of(build(tree(tmp_path)))
    for row in rows:
        speaker = Path(str(row.instance)).name.partition("_nohash_")[0]
        assert row.split == which_set(speaker)
    assert {row.split for row in rows} == {"train", "validation", "test"}


def test_lists_decide_where_they_are_present(tmp_path: Path) -> None:
    tree(tmp_path)
    write(tmp_path / "validation_list.txt", f"yes/{SPEAKERS[0]}_nohash_0.wav\n")
    write(tmp_path / "testing_list.txt", f"no/{SPEAKERS[1]}_nohash_0.wav\r\n\r\n")
    rows = rows_of(build(tmp_path))
    held = {row.instance: row.split for row in rows if row.split != "train"}
    assert held == {
        f"yes/{SPEAKERS[0]}_nohash_0.wav": "validation",
        f"no/{SPEAKERS[1]}_nohash_0.wav": "test",
    }


def test_lists_of_wav_files_hold_for_the_same_recordings_as_flac(tmp_path: Path) -> None:
    touch(tmp_path, "yes/a_nohash_0.flac", "yes/b_nohash_0.flac")
    write(tmp_path / "testing_list.txt", "yes/a_nohash_0.wav\n")
    assert [row.split for row in rows_of(build(tmp_path))] == ["test", "train"]


def test_drawn_speakers_are_in_one_split_each(tmp_path: Path) -> None:
    rows = rows_of(build(tree(tmp_path), split="speakers", test=0.2, validation=0.1))
    splits = defaultdict(set)
    for row in rows:
        splits[Path(str(row.instance)).name.partition("_nohash_")[0]].add(row.split)
    assert all(len(found) == 1 for found in splits.values())
    counts = [sum(found == {name} for found in splits.values()) for name in ("test", "validation")]
    assert counts == [round(0.2 * len(SPEAKERS)), round(0.1 * len(SPEAKERS))]
    again = rows_of(build(tmp_path, split="speakers", test=0.2, validation=0.1, seed=1))
    assert [row.split for row in again] != [row.split for row in rows]


def test_some_words_can_be_chosen(tmp_path: Path) -> None:
    rows = rows_of(build(tree(tmp_path), words=("yes",)))
    assert {row.label for row in rows} == {"yes"}
    with pytest.raises(UnknownNameError, match="no folder for the word 'yess'; did you mean 'yes'"):
        build(tmp_path, words=("yess",))


def test_a_name_that_says_no_speaker_is_a_bad_row(tmp_path: Path) -> None:
    touch(tree(tmp_path) / "yes", "me.wav")
    rows, bad = split_rows(build(tmp_path))
    assert len(rows) == 2 * len(SPEAKERS)
    assert [(row.origin, row.message) for row in bad] == [
        ("yes/me.wav", "a name such as '0a7c2a8d_nohash_0.wav' is expected: speaker and number")
    ]


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match=r"no such folder: .*; one with a folder per word is"):
        build(tmp_path / "nowhere")
    with pytest.raises(PolymodalError, match="has no folder of recordings named by a word"):
        build(tmp_path)
    held = next(speaker for speaker in SPEAKERS if which_set(speaker) == "test")
    touch(tmp_path, f"yes/{held}_nohash_0.wav")
    with pytest.raises(
        PolymodalError, match=r"official validation or test split; say split = 'spe"
    ):
        build(tmp_path)
    with pytest.raises(PolymodalError, match="seed belongs to split = 'speakers'"):
        build(tree(tmp_path), seed=1)
    with pytest.raises(ValidationError, match=r"validation 0\.5 and test 0\.5 leave nobody"):
        build(tmp_path, split="speakers", validation=0.5, test=0.5)


def test_contract(tmp_path: Path) -> None:
    record(
        tmp_path, *(f"{word}/{speaker}_nohash_0.wav" for word in ("up", "go") for speaker in "abc")
    )
    check_importer(SpeechCommandsConfig(root=tmp_path, split="speakers", words=("go", "up")))


def test_the_shared_subset(shared_data: Path) -> None:
    root = shared_data / "speech_commands"
    with pytest.raises(PolymodalError, match="say split = 'speakers'"):
        build(root)
    importer = build(root, split="speakers", test=0.2)
    rows = rows_of(importer)
    assert len(rows) == 500
    assert len({row.label for row in rows}) == 10
    assert (Path(str(importer.root)) / values(rows, "speech")[0]).is_file()
    assert {row.split for row in rows} == {"train", "validation", "test"}
