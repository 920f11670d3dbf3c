"""A process that speaks: reads requests from stdin, writes samples to stdout.

espeak-ng keeps everything in global variables. So there is one utterance at a time in a process,
and the library is loaded anew for each: an utterance would else depend on those before it (the
flutter of the voice goes on where it was, the gain control too), and no two packs would agree.
Loading takes a millisecond. A crash of the library costs this process alone.

A request is a line of JSON, `{"text", "name", "rate", "pitch", "range"}`. The answer is two
little-endian int32, sample rate and number of bytes, and that many bytes of int16 samples; a rate
of 0 says that the bytes are an error message. Needs nothing but the standard library and
`espeakng_loader`.
"""

from __future__ import annotations

import _ctypes
import ctypes
import importlib
import json
import shutil
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from polymodal_datasets.synthesis.voice import SPEAKERS

HEADER = struct.Struct("<ii")
SYNCHRONOUS = 2
"""AUDIO_OUTPUT_SYNCHRONOUS: samples go to a callback before espeak_Synth returns."""
DO_NOT_EXIT = 0x8000
UTF8 = 1
RATE, PITCH, RANGE = 1, 3, 4

Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class SynthesisError(Exception):
    """espeak-ng could not speak."""


def speak(library: str, data: str, request: dict[str, Any]) -> tuple[int, bytes]:
    """Load espeak-ng, say a text, unload it; gives the sample rate and int16 samples.

    Raises SynthesisError for an unknown voice and for a text in which nothing can be said.
    """
    espeak = ctypes.CDLL(library)
    try:
        return _speak(espeak, data, request)
    finally:
        espeak.espeak_Terminate()
        _unload(espeak)


def _speak(espeak: ctypes.CDLL, data: str, request: dict[str, Any]) -> tuple[int, bytes]:
    rate = espeak.espeak_Initialize(SYNCHRONOUS, 0, data.encode(), DO_NOT_EXIT)
    if rate <= 0:
        raise SynthesisError(f"espeak-ng finds no voices in {data}")
    parts: list[bytes] = []

    def take(samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            parts.append(ctypes.string_at(samples, 2 * count))
        return 0

    callback = Callback(take)
    espeak.espeak_SetSynthCallback(callback)
    if espeak.espeak_SetVoiceByName(request["name"].encode()) != 0:
        raise SynthesisError(f"espeak-ng has no voice '{request['name']}'")
    for parameter, value in ((RATE, "rate"), (PITCH, "pitch"), (RANGE, "range")):
        espeak.espeak_SetParameter(parameter, int(request[value]), 0)
    if hasattr(espeak, "espeak_ng_SetRandSeed"):  # since 1.52; breath is noise
        espeak.espeak_ng_SetRandSeed(ctypes.c_long(1))
    text = request["text"].replace("\0", " ").encode(errors="replace")
    size = ctypes.c_size_t(len(text) + 1)
    status = espeak.espeak_Synth(text, size, 0, 1, 0, UTF8, None, None)
    samples = b"".join(parts)
    if status != 0 or not samples.strip(b"\0"):
        raise SynthesisError(f"espeak-ng finds nothing to say in '{request['text'][:60]}'")
    return rate, samples


def _unload(espeak: ctypes.CDLL) -> None:
    if sys.platform == "win32":
        _ctypes.FreeLibrary(espeak._handle)
    else:
        _ctypes.dlclose(espeak._handle)


def copy_english(data: Path, folder: Path) -> Path:
    """Copy what English needs of espeak-ng's data into a folder.

    To find a voice, espeak-ng reads the files of all it has: of two hundred, that takes half as
    long as speaking.
    """
    found = folder / "espeak-ng-data"
    for pattern in ("phon*", "intonations", "en_dict", "lang/gmw/en*"):
        for path in data.glob(pattern):
            _copy(path, found / path.relative_to(data))
    for name in SPEAKERS:
        _copy(data / "voices" / "!v" / name, found / "voices" / "!v" / name)
    return found


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    # It has no type information, and is not always there.
    espeakng_loader = importlib.import_module("espeakng_loader")
    library = espeakng_loader.get_library_path()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        data = str(copy_english(Path(espeakng_loader.get_data_path()), Path(folder)))
        for line in requests:
            try:
                rate, payload = speak(library, data, json.loads(line))
            except (SynthesisError, OSError) as error:
                rate, payload = 0, str(error).encode()
            answers.write(HEADER.pack(rate, len(payload)) + payload)
            answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
