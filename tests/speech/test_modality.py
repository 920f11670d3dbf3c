"""Speech as a modality: packed, resampled, cropped, collated."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from polymodal_core.errors import ValueRejectedError
from polymodal_speech.modality import SpeechModality

from tests.speech.sounds import RATE, Samples, encoded, modality, voice


def example(
    of: SpeechModality, value: Samples, *, rate: int = RATE, training: bool = True, own: int = 0
) -> Samples:
    shared = np.random.default_rng(9)
    return of.transform(
        (value, rate), training=training, shared=shared, own=np.random.default_rng(own)
    )


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG"])
def test_files_and_bytes_are_kept_as_they_came(tmp_path: Path, form: str) -> None:
    payload = encoded(voice(), form)
    (tmp_path / "a.bin").write_bytes(payload)
    assert modality().pack("a.bin", str(tmp_path)) == payload
    assert modality().pack(tmp_path / "a.bin", None) == payload
    assert modality().pack(payload, None) == payload


def test_arrays_come_back_with_their_rate() -> None:
    of = modality()
    for value in ((voice(), 22_050), [voice(), 22_050]):
        waveform, rate = of.decode(of.pack(value, None))
        np.testing.assert_allclose(waveform, voice(), atol=2e-7)
        assert rate == 22_050


@pytest.mark.parametrize("value", [3, None, voice(), {"waveform": voice()}])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(ValueRejectedError, match="is no recording; wanted a path, the bytes of a"):
        modality().pack(value, None)


def test_a_file_is_refused_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "note.wav").write_text("404 not found")
    with pytest.raises(ValueRejectedError, match=r"note\.wav: is no recording"):
        modality().pack("note.wav", str(tmp_path))


def test_options_of_packing_reach_the_checks() -> None:
    with pytest.raises(ValueRejectedError, match=r"1 s long; at most 0\.8 s"):
        modality(max_seconds=0.8).pack((voice(1.0), RATE), None)
    with pytest.raises(ValueRejectedError, match="too short; wanted 2 s"):
        modality(min_seconds=2.0).pack((voice(1.0), RATE), None)
    of = modality(max_seconds=0.8, long="cut")
    assert len(of.decode(of.pack((voice(1.0), RATE), None))[0]) == 12_800


def test_evaluation_hears_all_of_it_at_the_asked_rate() -> None:
    found = example(modality(), voice(1.0, rate=8000), rate=8000, training=False)
    assert found.shape == (16_000,)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(example(modality(), voice(), training=False), voice())


def test_evaluation_hears_the_beginning_of_what_is_longer_than_the_recipe_allows() -> None:
    found = example(modality(max_seconds=0.25), voice(1.0), training=False)
    np.testing.assert_array_equal(found, voice(1.0)[:4000])
    for own in range(10):
        part = example(modality(max_seconds=0.25), voice(1.0), own=own)
        assert len(part) == 4000


def test_training_hears_a_part_from_anywhere() -> None:
    whole = np.arange(10_000, dtype=np.float32)
    starts, lengths = [], []
    for own in range(300):
        part = example(modality(crop_scale=(0.5, 0.8)), whole, own=own)
        np.testing.assert_array_equal(part, np.arange(part[0], part[0] + len(part)))
        starts.append(part[0] / (len(whole) - len(part)))
        lengths.append(len(part))
    assert 5000 <= min(lengths) < 5100
    assert 7900 < max(lengths) <= 8000
    assert min(starts) < 0.05
    assert max(starts) > 0.95


def test_the_same_generator_gives_the_same_part_and_shared_is_left_alone() -> None:
    of = modality(crop_scale=(0.3, 0.9))
    np.testing.assert_array_equal(example(of, voice(), own=4), example(of, voice(), own=4))
    shared = np.random.default_rng(0)
    of.transform((voice(), RATE), training=True, shared=shared, own=np.random.default_rng(1))
    assert shared.random() == np.random.default_rng(0).random()


def test_evaluation_draws_nothing() -> None:
    own = np.random.default_rng(0)
    modality().transform((voice(), RATE), training=False, shared=own, own=own)
    assert own.random() == np.random.default_rng(0).random()


def test_collate_pads_with_zeros() -> None:
    first, second = voice(0.2), voice(0.5, seed=1)
    inputs = modality().collate([first, second])
    assert inputs["waveform"].dtype == torch.float32
    assert inputs["lengths"].tolist() == [3200, 8000]
    assert inputs["lengths"].dtype == torch.int64
    np.testing.assert_array_equal(inputs["waveform"][0, :3200], first)
    assert not inputs["waveform"][0, 3200:].any()
    np.testing.assert_array_equal(inputs["waveform"][1], second)


def test_spec_tells_rate_and_longest_example() -> None:
    assert modality(rate=8000, max_seconds=2.5).spec() == {"rate": 8000, "length": 20_000}


def test_it_travels_to_loading_workers() -> None:
    of = modality(crop_scale=(0.5, 0.6))
    example(of, voice(1.0, rate=8000), rate=8000)  # with a resampler in use
    copy = pickle.loads(pickle.dumps(of))
    assert copy == of
