from __future__ import annotations

from collections import Counter
from pathlib import Path

from polymodal_datasets.importers.recordings import (
    is_recording,
    recording_named,
    share_of_names,
)

from .reading import touch


def test_files_of_sound_are_known_by_their_endings() -> None:
    assert is_recording(Path("a/b.wav"))
    assert is_recording(Path("B.FLAC"))
    assert not is_recording(Path("LICENSE"))
    assert not is_recording(Path("a.txt"))


def test_a_recording_is_found_whatever_its_format(tmp_path: Path) -> None:
    touch(tmp_path, "a.flac", "b.wav", "b.flac", "c.txt")
    assert recording_named(tmp_path, "a") == tmp_path / "a.flac"
    assert recording_named(tmp_path, "b") == tmp_path / "b.wav"
    assert recording_named(tmp_path, "c") is None


def test_shares_are_of_names_and_the_same_for_every_order() -> None:
    names = [f"speaker {number}" for number in range(40)]
    found = share_of_names(names, {"test": 0.25, "validation": 0.1}, seed=3)
    assert Counter(found.values()) == {"train": 26, "test": 10, "validation": 4}
    assert share_of_names(names[::-1], {"test": 0.25, "validation": 0.1}, seed=3) == found
    assert share_of_names(names, {"test": 0.25, "validation": 0.1}, seed=4) != found


def test_a_small_share_of_few_names_gets_one() -> None:
    found = share_of_names(["a", "b", "c"], {"test": 0.01, "validation": 0.01}, seed=0)
    assert Counter(found.values()) == {"train": 1, "test": 1, "validation": 1}
    assert set(share_of_names(["a", "b", "c"], {"test": 0.0}, seed=0).values()) == {"train"}
    assert set(share_of_names(["a"], {"test": 0.1}, seed=0).values()) == {"train"}
