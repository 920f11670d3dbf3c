"""The process that speaks: what it says depends on the request alone."""

from __future__ import annotations

import importlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_datasets.synthesis.espeak import (
    HEADER,
    SynthesisError,
    copy_english,
    serve,
    speak,
)
from polymodal_datasets.synthesis.voice import ACCENTS, SPEAKERS

loader: Any = pytest.importorskip("espeakng_loader")


def request(text: str, name: str = "en-us", **options: int) -> dict[str, Any]:
    return {"text": text, "name": name, "rate": 170, "pitch": 50, "range": 50, **options}


def say(data: str, asked: dict[str, Any]) -> bytes:
    return speak(loader.get_library_path(), data, asked)[1]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(copy_english(Path(loader.get_data_path()), tmp_path_factory.mktemp("espeak")))


def test_what_is_said_does_not_depend_on_what_was_said_before(data: str) -> None:
    # adam is of another synthesis, Annie breathes: both have a state of their own.
    names = ("en-us+f3", "en+m3", "en-us+adam", "en-gb-scotland+Annie")
    asked = [request(text, name) for name in names for text in ("A red ball.", "Two blue cones.")]
    once = [say(data, item) for item in asked]
    for order in ((7, 0, 3, 5, 1, 6, 2, 4), (4, 4, 2, 6, 0, 0, 7, 1)):
        for place in order:
            assert say(data, asked[place]) == once[place], asked[place]
    assert len(set(once)) == len(once)


def test_a_copy_of_what_english_needs_sounds_like_the_whole(data: str) -> None:
    for name in ("en-us+f3", "en-029+m7", "en-gb-x-rp+linda"):
        asked = request("A shiny metal cylinder, 25 of them.", name)
        assert say(data, asked) == say(loader.get_data_path(), asked)


def test_every_accent_and_every_speaker_has_a_voice_of_its_own(data: str) -> None:
    names = [*ACCENTS, *(f"en-us+{speaker}" for speaker in SPEAKERS)]
    assert len({say(data, request("A red ball.", name)) for name in names}) == len(names)


def test_speed_and_pitch_are_heard(data: str) -> None:
    text = "A large green cube stands in a room."
    slow, fast = (len(say(data, request(text, rate=rate))) for rate in (130, 200))
    assert 1.3 < slow / fast < 1.7

    def pitch(value: int) -> float:
        """Median over loud frames of the strongest period between 60 and 400 Hz."""
        samples = np.frombuffer(say(data, request(text, pitch=value)), "<i2").astype(float)
        found = []
        for start in range(0, len(samples) - 1500, 500):
            frame = samples[start : start + 1500]
            if frame.std() > 2000:
                similar = np.correlate(frame, frame, "full")[1499:]
                found.append(22_050 / (55 + similar[55:367].argmax()))
        return float(np.median(found))

    assert pitch(80) > 1.2 * pitch(20) > 60


def test_rate_is_that_of_the_synthesiser(data: str) -> None:
    rate, samples = speak(loader.get_library_path(), data, request("A red ball."))
    assert rate == 22_050
    assert 0.5 < len(samples) / 2 / rate < 3


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (request("...", "en-us"), r"finds nothing to say in '\.\.\.'"),
        (request("", "en-us"), "finds nothing to say in ''"),
        (request("hello", "xx"), "has no voice 'xx'"),
    ],
)
def test_what_cannot_be_said_is_an_error(data: str, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(SynthesisError, match=message):
        say(data, asked)


def test_markup_and_zero_bytes_are_only_text(data: str) -> None:
    assert say(data, request("a < b & c > d"))
    assert say(data, request("one\0two")) == say(data, request("one two"))


def test_without_data_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(SynthesisError, match="finds no voices in"):
        say(str(tmp_path / "nothing"), request("hello"))


def test_requests_are_answered_one_after_the_other(data: str) -> None:
    asked = [request("A red ball."), request("hello", "xx"), request("Two\nlines.")]
    answers = io.BytesIO()
    serve(io.BytesIO(b"".join(json.dumps(item).encode() + b"\n" for item in asked)), answers)
    answers.seek(0)
    found = []
    while header := answers.read(HEADER.size):
        rate, size = HEADER.unpack(header)
        found.append((rate, answers.read(size)))
    assert [rate for rate, _ in found] == [22_050, 0, 22_050]
    assert found[0][1] == say(data, asked[0])
    assert found[1][1].decode() == "espeak-ng has no voice 'xx'"


def test_the_process_needs_no_heavy_package() -> None:
    module = importlib.import_module("polymodal_datasets.synthesis.espeak")
    source = Path(str(module.__file__)).read_text()
    assert not {"numpy", "torch", "pydantic"} & {
        line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith("import ")
    }
