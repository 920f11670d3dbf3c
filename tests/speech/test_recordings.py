"""Files and arrays of sound: what is kept, what is refused, and in which words."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from polymodal_core.errors import ValueRejectedError
from polymodal_speech.recordings import (
    Lengths,
    checked_payload,
    decode_recording,
    encode_array,
    read_file,
)

from tests.speech.sounds import RATE, encoded, voice

LENGTHS = Lengths(0.05, 30.0, False)


def check(payload: bytes, lengths: Lengths = LENGTHS) -> bytes:
    return checked_payload(payload, name="talk.wav", lengths=lengths)


FORMATS = [
    ("WAV", "PCM_16", 4e-5),
    ("WAV", "PCM_U8", 1e-2),
    ("WAV", "PCM_24", 1e-6),
    ("WAV", "FLOAT", 0.0),
    ("WAV", "ULAW", 2e-2),
    ("FLAC", "PCM_16", 4e-5),
    ("AIFF", "PCM_16", 4e-5),
]


@pytest.mark.parametrize(("form", "subtype", "error"), FORMATS)
def test_a_file_is_kept_as_it_came_and_decodes_to_its_samples(
    form: str, subtype: str, error: float
) -> None:
    payload = encoded(voice(), form, subtype=subtype)
    assert check(payload) == payload
    waveform, rate = decode_recording(payload)
    assert waveform.dtype == np.float32
    assert rate == RATE
    np.testing.assert_allclose(waveform, voice(), atol=error, rtol=0)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_sounds_like_what_was_written(subtype: str) -> None:
    payload = encoded(voice(1.0), "OGG", subtype=subtype)
    assert check(payload) == payload
    waveform, rate = decode_recording(payload)
    assert rate in (RATE, 48_000)
    if rate == RATE:
        assert np.corrcoef(waveform, voice(1.0))[0, 1] > 0.97


def test_stereo_is_mixed_to_the_mean_of_the_channels() -> None:
    left, right = voice(seed=1), voice(seed=2)
    waveform, _ = decode_recording(encoded(np.stack([left, right], axis=1), subtype="FLOAT"))
    np.testing.assert_allclose(waveform, (left + right) / 2, atol=1e-7)


def test_eight_channels_too() -> None:
    channels = np.stack([voice(seed=seed) for seed in range(8)], axis=1)
    waveform, _ = decode_recording(encode_array(channels, RATE, lengths=LENGTHS))
    np.testing.assert_allclose(waveform, channels.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"404 not found", r"talk\.wav: is no recording that can be read \(Format not recognised"),
        (b"RIFF", "is no recording that can be read"),
        (encoded(voice())[:30], "is no recording that can be read"),
        (encoded(np.zeros(0, np.float32)), r"talk\.wav: the recording is empty: no samples at all"),
        (encoded(voice())[:-999], r"is cut short: the header promises 19200 bytes of sound, 18201"),
        (encoded(voice(), "AIFF")[:-999], "is cut short: the header promises"),
        (encoded(voice(), "FLAC")[:4000], r"the recording is damaged \(.*\); copy or download it"),
        (encoded(voice(0.04)), r"0\.04 s \(640 samples\) is too short; wanted 0\.05 s or more"),
        (encoded(voice(31.0)), r"31 s long; at most 30 s are taken\. Cut it into utterances"),
    ],
)
def test_what_is_no_whole_recording_is_refused_by_name(payload: bytes, message: str) -> None:
    with pytest.raises(ValueRejectedError, match=message):
        check(payload)


def test_damage_in_the_middle_is_found() -> None:
    payload = bytearray(encoded(voice(), "FLAC"))
    payload[4000:4400] = bytes(400)
    with pytest.raises(ValueRejectedError, match=r"damaged|cut short"):
        check(bytes(payload))
    with pytest.raises(ValueRejectedError, match=r"recording: .*(damaged|cut short)"):
        decode_recording(bytes(payload))


def test_a_file_written_to_a_pipe_is_whole_though_its_header_knows_no_length() -> None:
    payload = bytearray(encoded(voice()))
    payload[4:8] = payload[40:44] = b"\xff\xff\xff\xff"
    assert check(bytes(payload)) == payload
    np.testing.assert_allclose(decode_recording(bytes(payload))[0], voice(), atol=4e-5)


@pytest.mark.parametrize("rate", [0, 1, 999, 400_000])
def test_a_senseless_sample_rate_is_refused(rate: int) -> None:
    payload = bytearray(encoded(voice()))
    payload[24:28] = struct.pack("<I", rate)
    with pytest.raises(
        ValueRejectedError, match=r"talk\.wav: (says a sample rate|is no recording)"
    ):
        check(bytes(payload))


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf")])
def test_what_is_not_finite_is_refused_with_its_place(value: float, shown: str) -> None:
    samples = voice()
    samples[[4000, 4001]] = value
    payload = encoded(samples, subtype="FLOAT")
    with pytest.raises(ValueRejectedError, match=rf"sample 4000 \(0\.25 s\) is {shown}, one of 2"):
        check(payload)
    with pytest.raises(ValueRejectedError, match="array: sample 4000"):
        encode_array(samples, RATE, lengths=LENGTHS)


def test_an_hour_is_refused_without_being_read() -> None:
    payload = encoded(np.zeros(3600 * 1000, np.int16), "FLAC", rate=1000)
    with pytest.raises(ValueRejectedError, match="60 min 0 s long; at most 30 s are taken"):
        check(payload)


@pytest.mark.parametrize(
    ("form", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("FLAC", "PCM_24"), ("OGG", "VORBIS")],
)
def test_of_a_long_recording_the_beginning_can_be_kept(form: str, subtype: str) -> None:
    whole = encoded(voice(2.0), form, subtype=subtype)
    beginning = check(whole, Lengths(0.05, 0.75, True))
    waveform, rate = decode_recording(beginning)
    assert rate == RATE
    assert len(waveform) == 12_000
    np.testing.assert_allclose(waveform, decode_recording(whole)[0][:12_000], atol=2e-7)
    assert check(encoded(voice(0.7)), Lengths(0.05, 0.75, True)) == encoded(voice(0.7))


def test_a_beginning_louder_than_full_scale_keeps_its_level() -> None:
    loud = 3 * voice(1.0)
    beginning = check(encoded(loud, subtype="FLOAT"), Lengths(0.05, 0.5, True))
    np.testing.assert_array_equal(decode_recording(beginning)[0], loud[:8000])


def test_silence_is_a_recording() -> None:
    payload = encoded(np.zeros(RATE, np.int16))
    assert check(payload) == payload


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_arrays_are_kept_to_24_bits(dtype: Any) -> None:
    samples = voice().astype(dtype)
    payload = encode_array(samples, RATE, lengths=LENGTHS)
    assert payload.startswith(b"fLaC")
    np.testing.assert_allclose(decode_recording(payload)[0], samples, atol=2e-7, rtol=0)


def test_integer_arrays_are_kept_exactly() -> None:
    samples = np.array([-32768, -1, 0, 1, 32767] * 400, np.int16)
    payload = encode_array(samples, np.int64(22_050), lengths=LENGTHS)
    back, rate = soundfile.read(io.BytesIO(payload), dtype="int16")
    np.testing.assert_array_equal(back, samples)
    assert rate == 22_050


@pytest.mark.parametrize(
    ("array", "rate", "message"),
    [
        (voice().astype(np.int32), RATE, r"an array of int32 \[9600\] is no recording"),
        (np.zeros((2, 9600), np.float32), RATE, r"float32 \[2, 9600\] is no recording; wanted"),
        (np.zeros((4, 4, 4), np.float32), RATE, "is no recording"),
        (np.zeros((9600, 0), np.float32), RATE, "is no recording"),
        (0.5, RATE, r"an array of float64 \[\] is no recording"),
        (["a", "b"], RATE, "is no recording"),
        (voice(), 0, "a sample rate of 0; wanted a whole number of Hz from 1000 to 384000"),
        (voice(), 16_000.5, r"a sample rate of 16000\.5"),
        (voice(), float("nan"), "a sample rate of nan"),
        (voice(), "16k", "a sample rate of '16k'"),
        (20_000 * voice(), RATE, r"the array reaches 1e\+04; wanted floats in -1\.\.1: divide"),
        (np.zeros(0, np.float32), RATE, "array: the recording is empty"),
        (voice(0.02), RATE, "array: 0.02 s .* is too short"),
        (voice(31.0), RATE, "array: 31 s long"),
    ],
)
def test_other_arrays_are_refused(array: Any, rate: Any, message: str) -> None:
    with pytest.raises(ValueRejectedError, match=message):
        encode_array(array, rate, lengths=LENGTHS)


def test_a_long_array_can_be_cut() -> None:
    payload = encode_array(voice(2.0), RATE, lengths=Lengths(0.05, 0.5, True))
    np.testing.assert_allclose(decode_recording(payload)[0], voice(2.0)[:8000], atol=2e-7)


def test_files_are_read_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"sound")
    assert read_file("a.wav", str(tmp_path)) == b"sound"
    assert read_file(tmp_path / "a.wav", None) == b"sound"
    (tmp_path / "b.wav").touch()
    with pytest.raises(ValueRejectedError, match=r"b\.wav: the file is empty \(0 bytes\)"):
        read_file("b.wav", str(tmp_path))
    with pytest.raises(ValueRejectedError, match=r"c\.wav: cannot be read: No such file"):
        read_file("c.wav", str(tmp_path))
