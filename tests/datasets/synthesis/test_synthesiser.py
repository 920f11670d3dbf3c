"""Many texts at once: in order, at 16 kHz, and with words where it goes wrong."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_datasets.synthesis import synthesiser as module
from polymodal_datasets.synthesis.synthesiser import RATE, Synthesiser, require_synthesis
from polymodal_datasets.synthesis.voice import Voice

VOICE = Voice("en-us+f3", 180, 50, 50)


@pytest.fixture
def synthesiser() -> Any:
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("torchaudio")
    with Synthesiser(workers=2) as found:
        yield found


def test_recordings_are_16_khz_of_16_bits_and_full_of_speech(synthesiser: Synthesiser) -> None:
    samples, rate = synthesiser.say("A large red ball.", VOICE)
    assert rate == RATE == 16_000
    assert samples.dtype == np.int16
    assert 0.8 < len(samples) / rate < 3
    assert 5000 < np.abs(samples.astype(int)).max() <= 32_767
    # Nothing lies above what 16 kHz can hold, and speech lies below 4 kHz.
    power = np.abs(np.fft.rfft(samples.astype(float))) ** 2
    assert power[: len(power) // 2].sum() > 0.8 * power.sum()


def test_the_order_is_kept_and_says_nothing_about_the_sound(synthesiser: Synthesiser) -> None:
    texts = ["One.", "Twenty two thousand and one.", "Three.", "", "Five cones and a cube."]
    tasks = [(number, [(text, VOICE)] if text else []) for number, text in enumerate(texts)]
    found = list(synthesiser.say_ahead(tasks * 3))
    assert [number for number, _ in found] == [0, 1, 2, 3, 4] * 3
    assert found[3] == (3, [])
    for number, recordings in found:
        for samples, _ in recordings:
            np.testing.assert_array_equal(samples, synthesiser.say(texts[number], VOICE)[0])


def test_several_texts_of_a_task_come_together(synthesiser: Synthesiser) -> None:
    ((name, recordings),) = synthesiser.say_ahead([("both", [("One.", VOICE), ("Two.", VOICE)])])
    assert name == "both"
    assert len(recordings) == 2
    assert not np.array_equal(recordings[0][0], recordings[1][0])


def test_an_error_reaches_the_one_who_asked_and_harms_nobody_else(
    synthesiser: Synthesiser,
) -> None:
    with pytest.raises(PolymodalError, match=r"finds nothing to say in '\.\.\.'"):
        synthesiser.say("...", VOICE)
    assert len(synthesiser.say("Hello.", VOICE)[0]) > 1000


def test_a_process_that_died_is_replaced() -> None:
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("torchaudio")
    with Synthesiser(workers=1) as found:
        first = found.say("Hello.", VOICE)[0]
        found._started[0].kill()
        found._started[0].wait()
        np.testing.assert_array_equal(found.say("Hello.", VOICE)[0], first)
        assert len(found._started) == 2


def test_a_process_that_dies_while_it_speaks_is_named() -> None:
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("torchaudio")
    with Synthesiser(workers=1) as found:
        found.say("Hello.", VOICE)
        (process,) = found._started
        process.kill()
        process.wait()
        process.poll = lambda: None  # type: ignore[method-assign]  # as if it died just now
        with pytest.raises(PolymodalError, match=r"ended \(exit code -9\) while saying 'Hello"):
            found.say("Hello.", VOICE)


def test_processes_end_and_clear_up_behind_themselves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("torchaudio")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    tempfile.tempdir = None
    with Synthesiser(workers=1) as found:
        found.say("Hello.", VOICE)
        assert len(list(tmp_path.iterdir())) == 1
        (process,) = found._started
    tempfile.tempdir = None
    assert process.returncode == 0
    assert not list(tmp_path.iterdir())


def test_what_is_missing_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torchaudio")
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "espeakng_loader" else real(name, *rest),
    )
    with pytest.raises(
        PolymodalError, match=r"espeakng_loader, not .* 'polymodal-datasets\[speech\]'"
    ):
        require_synthesis()
    with pytest.raises(PolymodalError, match="espeakng_loader"):
        Synthesiser()


def test_loud_overshoot_of_the_filter_is_clipped() -> None:
    pytest.importorskip("torchaudio")
    square = np.tile(np.repeat(np.array([32_767, -32_768], "<i2"), 40), 60)
    found = module._resample(square.tobytes(), 22_050)
    assert found.max() == 32_767
    assert found.min() == -32_768
    assert len(found) == pytest.approx(len(square) * 16_000 / 22_050, abs=1)
