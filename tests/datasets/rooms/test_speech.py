"""Spoken captions of rooms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_core.rows import Row
from polymodal_core.testing import check_importer
from polymodal_datasets.rooms.importer import RoomsConfig
from polymodal_datasets.rooms.speech import voice_of
from polymodal_datasets.synthesis import synthesiser
from polymodal_datasets.synthesis.synthesiser import Synthesiser
from pydantic import ValidationError

pytest.importorskip("espeakng_loader")
pytest.importorskip("torchaudio")

SMALL: dict[str, Any] = {
    "size": 16, "train": 4, "validation": 2, "test": 0, "heldout": 0, "threads": 2
}  # fmt: skip


def rows(**options: object) -> list[Row]:
    config = RoomsConfig.model_validate(SMALL | options)
    found = [row for row in config.build().rows() if isinstance(row, Row)]
    assert len(found) == config.build().total
    return found


def test_speech_is_off_unless_chosen() -> None:
    assert "speech" not in RoomsConfig(**SMALL).build().columns
    for options in ({"recordings": 2}, {"columns": ("text", "speech")}):
        columns = RoomsConfig.model_validate(SMALL | options).build().columns
        assert columns["speech"].kind == "speech"


def test_a_recording_stands_in_the_row_of_the_caption_that_it_speaks() -> None:
    found = rows(recordings=2, columns=("text", "image"))
    assert len(found) == 6 * 3
    with Synthesiser(workers=1) as speaker:
        for number, row in enumerate(found):
            caption = number % 3
            assert ("speech" in row.items) == (caption < 2)
            if "speech" not in row.items:
                continue
            item = row.items["speech"]
            assert item.id == row.items["text"].id
            room = int(str(row.instance).removeprefix("room/"))
            expected, rate = speaker.say(row.items["text"].value, voice_of(0, room, caption))
            assert item.value[1] == rate == 16_000
            np.testing.assert_array_equal(item.value[0], expected)


def test_named_as_a_column_one_caption_of_every_room_is_spoken() -> None:
    found = rows(columns=("text", "speech"))
    assert [("speech" in row.items) for row in found] == [True, False, False] * 6


def test_without_written_captions_there_is_a_row_for_every_recording() -> None:
    found = rows(columns=("image", "speech"))
    assert len(found) == 6
    assert all(row.items.keys() == {"image", "speech"} for row in found)
    assert len(rows(columns=("image",), recordings=2)) == 12


def test_more_training_rooms_or_other_columns_change_no_recording() -> None:
    def spoken(**options: object) -> dict[str, bytes]:
        return {
            row.items["speech"].id: row.items["speech"].value[0].tobytes()
            for row in rows(recordings=1, **options)
            if row.split == "validation" and "speech" in row.items
        }

    once = spoken()
    assert len(once) == 2
    assert spoken(train=8, columns=("speech",), threads=1) == once
    assert spoken(seed=1) != once


def test_voices_differ_by_seed_room_and_caption() -> None:
    drawn = {voice_of(*key) for key in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))}
    assert len(drawn) == 4


def test_missing_values_of_the_other_columns_are_those_without_speech() -> None:
    def kept(**options: object) -> list[tuple[str, frozenset[str]]]:
        return [
            (row.origin, frozenset(row.items.keys() - {"speech"}))
            for row in rows(missing=0.4, train=40, **options)
        ]

    with_speech, without = dict(kept(recordings=2)), dict(kept())
    # A row that has nothing but its recording would else have kept one column that was lost.
    same = [with_speech[origin] == without[origin] for origin in without if with_speech[origin]]
    assert all(same)
    assert len(same) > 100


def test_recordings_are_lost_row_by_row() -> None:
    found = rows(missing=0.5, train=60, recordings=2, columns=("text", "attributes"))
    has = np.array(["speech" in row.items for row in found]).reshape(-1, 3)
    assert not has[:, 2].any()
    assert 0.3 < has[:, :2].mean() < 0.7
    assert (has[:, 0] != has[:, 1]).any()


def test_a_room_has_no_more_recordings_than_captions() -> None:
    with pytest.raises(ValidationError, match="recordings = 4: a room has 3 captions to be spoken"):
        RoomsConfig(recordings=4)


def test_without_the_synthesiser_the_importer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesiser, "_installed", lambda name: False)
    with pytest.raises(
        PolymodalError, match=r"spoken captions need espeakng_loader and torchaudio"
    ):
        RoomsConfig(recordings=1).build()
    RoomsConfig().build()


def test_contract() -> None:
    check_importer(RoomsConfig.model_validate(SMALL | {"recordings": 1}))
