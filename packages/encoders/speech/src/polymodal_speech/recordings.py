"""Encoded recordings: read, checked to the last sample, decoded to mono, and written."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from polymodal_core.errors import ValueRejectedError

Waveform = NDArray[np.float32]
Recording = tuple[Waveform, int]
"""A mono waveform [samples] in -1..1, and its sample rate in Hz."""

LOWEST_RATE, HIGHEST_RATE = 1_000, 384_000
MOST_CHANNELS = 8
_CUT_SHORT = re.compile(r"\b(?:data|SSND) ?: (\d+) \(should be (\d+)\)")
_UNKNOWN_LENGTH = 0x7FFF0000
"""Sizes from here on stand in the header of a WAV that was written to a pipe."""


@dataclass(frozen=True)
class Lengths:
    """How long a recording may be, in seconds; `cut` takes the beginning of a longer one."""

    shortest: float
    longest: float
    cut: bool


def read_file(value: str | Path, root: str | None) -> bytes:
    """Read a file below `root`; raises ValueRejectedError where it is missing or empty."""
    path = Path(value) if root is None else Path(root) / value
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise ValueRejectedError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not payload:
        raise ValueRejectedError(f"{path}: the file is empty (0 bytes); copy or download it again")
    return payload


def checked_payload(payload: bytes, *, name: str, lengths: Lengths) -> bytes:
    """Give back the bytes of an encoded recording, or anew those of its beginning.

    All that is kept is decoded once. Raises ValueRejectedError, with `name`, for what cannot be
    read, is cut short, holds a NaN or an infinity, or is too short or too long.
    """
    with _opened(payload, name) as sound:
        _check_complete(sound, name)
        wanted = _kept_samples(sound.frames, sound.samplerate, name, lengths)
        # As stored, be it 24 bits or float, so that a beginning is the same as the whole's.
        floating = sound.subtype in ("FLOAT", "DOUBLE")
        waveform = _read(sound, wanted, name, dtype="float32" if floating else "int32")
        _check_finite(waveform, sound.samplerate, name)
        if wanted == sound.frames:
            return payload
        return encode(waveform, sound.samplerate, deep=sound.subtype != "PCM_16")


def decode_recording(payload: bytes, *, name: str = "recording") -> Recording:
    """Decode to mono, the mean of the channels; raises ValueRejectedError for damaged bytes."""
    with _opened(payload, name) as sound:
        waveform = _read(sound, sound.frames, name, dtype="float32")
        return waveform.mean(axis=1, dtype=np.float32), int(sound.samplerate)


def encode_array(array: Any, rate: Any, *, lengths: Lengths) -> bytes:
    """Encode samples [samples] or [samples, channels] as FLAC.

    int16 is kept exactly, floats in -1..1 to 24 bits. Raises ValueRejectedError for anything else,
    and as `checked_payload` does.
    """
    waveform = np.asarray(array)
    fits = waveform.dtype == np.int16 or waveform.dtype.kind == "f"
    channels = waveform.shape[1] if waveform.ndim == 2 else 1
    if not fits or waveform.ndim not in (1, 2) or not 1 <= channels <= MOST_CHANNELS:
        raise ValueRejectedError(
            f"an array of {waveform.dtype} {list(waveform.shape)} is no recording; wanted int16 or "
            f"floats in -1..1, [samples] or [samples, channels]"
        )
    number = float(rate) if isinstance(rate, int | float | np.number) else float("nan")
    if not (LOWEST_RATE <= number <= HIGHEST_RATE and number.is_integer()):
        raise ValueRejectedError(
            f"a sample rate of {rate!r}; wanted a whole number of Hz from {LOWEST_RATE} to "
            f"{HIGHEST_RATE}"
        )
    _check_finite(waveform, int(number), "array")
    if waveform.dtype.kind == "f" and waveform.size and np.abs(waveform).max() > 1:
        raise ValueRejectedError(
            f"the array reaches {float(np.abs(waveform).max()):.4g}; wanted floats in -1..1: "
            f"divide by the largest, or by 32768 if they were 16-bit integers"
        )
    kept = _kept_samples(len(waveform), int(number), "array", lengths)
    if waveform.dtype == np.float16:  # unknown to libsndfile
        waveform = waveform.astype(np.float32)
    return encode(waveform[:kept], int(number), deep=waveform.dtype != np.int16)


def encode(waveform: NDArray[Any], rate: int, *, deep: bool) -> bytes:
    """Encode int or float samples without loss: FLAC of 16 or, if `deep`, 24 bits.

    float32 beyond -1..1 becomes WAV, which has room for them.
    """
    buffer = io.BytesIO()
    if waveform.dtype.kind == "f" and np.abs(waveform).max(initial=0) > 1:
        soundfile.write(buffer, waveform, rate, format="WAV", subtype="FLOAT")
    else:
        subtype = "PCM_24" if deep else "PCM_16"
        soundfile.write(buffer, waveform, rate, format="FLAC", subtype=subtype)
    return buffer.getvalue()


@contextmanager
def _opened(payload: bytes, name: str) -> Iterator[soundfile.SoundFile]:
    try:
        sound = soundfile.SoundFile(io.BytesIO(payload))
    except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).rpartition(": ")[2].rstrip(".")
        raise ValueRejectedError(
            f"{name}: is no recording that can be read ({reason}); accepted: WAV, FLAC, OGG, and "
            f"what else libsndfile reads"
        ) from None
    with sound:
        if not LOWEST_RATE <= sound.samplerate <= HIGHEST_RATE:
            raise ValueRejectedError(
                f"{name}: says a sample rate of {sound.samplerate} Hz; wanted {LOWEST_RATE} to "
                f"{HIGHEST_RATE}: the header is damaged, or this is no sound"
            )
        yield sound


def _kept_samples(frames: int, rate: int, name: str, lengths: Lengths) -> int:
    length = frames / rate
    if frames == 0:
        raise ValueRejectedError(f"{name}: the recording is empty: no samples at all")
    if length < lengths.shortest:
        raise ValueRejectedError(
            f"{name}: {length:.3g} s ({frames} samples) is too short; wanted "
            f"{lengths.shortest:g} s or more (min_seconds)"
        )
    if length <= lengths.longest:
        return frames
    if not lengths.cut:
        raise ValueRejectedError(
            f"{name}: {_duration(length)} long; at most {lengths.longest:g} s are taken. Cut it "
            f'into utterances, raise max_seconds, or set long = "cut" for its beginning'
        )
    return int(lengths.longest * rate)


def _check_complete(sound: soundfile.SoundFile, name: str) -> None:
    # libsndfile shortens such a file without a word.
    for said, found in _CUT_SHORT.findall(sound.extra_info):
        if int(found) < int(said) < _UNKNOWN_LENGTH:
            raise ValueRejectedError(
                f"{name}: is cut short: the header promises {said} bytes of sound, {found} are "
                f"there; copy or download it again"
            )


def _read(sound: soundfile.SoundFile, wanted: int, name: str, *, dtype: str) -> NDArray[Any]:
    try:
        waveform: NDArray[Any] = sound.read(wanted, dtype=dtype, always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        reason = str(error).rpartition(": ")[2].rstrip(".")
        raise ValueRejectedError(
            f"{name}: the recording is damaged ({reason}); copy or download it again"
        ) from None
    if len(waveform) != wanted:
        raise ValueRejectedError(
            f"{name}: is cut short: {len(waveform)} of {wanted} samples are there; copy or "
            f"download it again"
        )
    return waveform


def _check_finite(waveform: NDArray[Any], rate: int, name: str) -> None:
    if waveform.dtype.kind != "f":
        return
    wrong = np.argwhere(~np.isfinite(waveform))
    if len(wrong):
        sample = int(wrong[0][0])
        raise ValueRejectedError(
            f"{name}: sample {sample} ({sample / rate:.3g} s) is {waveform[tuple(wrong[0])]}, "
            f"one of {len(wrong)}; wanted finite numbers"
        )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.4g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
