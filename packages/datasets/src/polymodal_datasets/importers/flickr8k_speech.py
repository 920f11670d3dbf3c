"""Spoken captions of Flickr8k: recordings of people, or of a synthesiser, joined to its rows."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow, Item, Row

from polymodal_datasets.synthesis.voice import Voice, draw_voice

_CAPTIONS, _SPEAKERS, _WAVS = "wav2capt.txt", "wav2spk.txt", "wavs"


class CaptionSpeech(Protocol):
    """Adds recordings to rows of captions; `notes` then counts what found no partner."""

    notes: Mapping[str, int]

    def join(self, rows: Iterator[Row | BadRow]) -> Iterator[Row | BadRow]:
        """Give the same rows, in order, those whose caption is spoken with an item `speech`."""
        ...


class RecordedCaptions:
    """The Flickr8k Audio Caption Corpus: every caption read aloud by one of many speakers."""

    def __init__(self, root: Path) -> None:
        """Read the tables below `root`; raises PolymodalError for what is missing or malformed."""
        for name in (_CAPTIONS, _WAVS):
            if not (root / name).exists():
                raise PolymodalError(
                    f"{root} has no {name}; the folder of the Flickr8k Audio Caption Corpus is "
                    f"expected, with {_CAPTIONS} and {_WAVS}/"
                )
        self.notes: Mapping[str, int] = {}
        self._root = root
        self._wav_of = _read_captions(root / _CAPTIONS)
        self._speaker_of = _read_speakers(root / _SPEAKERS)

    def join(self, rows: Iterator[Row | BadRow]) -> Iterator[Row | BadRow]:
        """Join by picture and number of the caption."""
        files = {path.name for path in (self._root / _WAVS).iterdir()}
        without = 0
        speakers: set[str] = set()
        used: set[str] = set()
        for row in rows:
            wav = self._wav_of.get(row.items["text"].id) if isinstance(row, Row) else None
            if isinstance(row, BadRow) or wav is None or wav not in files:
                without += isinstance(row, Row)
                yield row
                continue
            used.add(wav)
            speakers.add(self._speaker_of.get(wav, ""))
            path = f"{_WAVS}/{wav}"
            item = Item(path, str((self._root / path).absolute()))
            yield replace(row, items={**row.items, "speech": item})
        counts = {
            "captions without a recording": without,
            "recordings of captions in no row": len(set(self._wav_of.values()) - used),
            "speakers": len(speakers - {""}),
        }
        self.notes = {what: count for what, count in counts.items() if count}


class SynthesisedCaptions:
    """Captions said by espeak-ng, the first `count` of every picture."""

    def __init__(self, *, seed: int, count: int) -> None:
        """Raise PolymodalError where the extra `speech` is not installed."""
        from polymodal_datasets.synthesis.synthesiser import require_synthesis

        require_synthesis()
        self.notes: Mapping[str, int] = {}
        self._seed, self._count = seed, count

    def join(self, rows: Iterator[Row | BadRow]) -> Iterator[Row | BadRow]:
        """Say the captions, some ahead of need."""
        from polymodal_datasets.synthesis.synthesiser import Synthesiser

        without = 0
        with Synthesiser() as synthesiser:
            tasks = ((row, self._texts(row)) for row in rows)
            for row, recordings in synthesiser.say_ahead(tasks):
                if isinstance(row, Row) and recordings:
                    item = Item(row.items["text"].id, recordings[0])
                    yield replace(row, items={**row.items, "speech": item})
                else:
                    without += isinstance(row, Row)
                    yield row
        self.notes = {"captions without a recording": without} if without else {}

    def _texts(self, row: Row | BadRow) -> list[tuple[str, Voice]]:
        import numpy as np

        if isinstance(row, BadRow):
            return []
        caption = row.items["text"]
        number = int(caption.id.rpartition("#")[2])
        # A caption of nothing but punctuation cannot be said.
        if number >= self._count or not any(letter.isalnum() for letter in caption.value):
            return []
        rng = np.random.default_rng((self._seed, zlib.crc32(caption.id.encode())))
        return [(caption.value, draw_voice(rng))]


def _read_captions(path: Path) -> dict[str, str]:
    # Caption id ("name.jpg#0") to the name of its recording.
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != 3 or not cells[2].startswith("#"):
            raise PolymodalError(
                f"{path}:{number}: 'name.wav picture.jpg #0' is expected; given '{line[:60]}'"
            )
        caption = f"{cells[1]}{cells[2]}"
        if found.setdefault(caption, cells[0]) != cells[0]:
            raise PolymodalError(
                f"{path}:{number}: the caption {caption} has two recordings, {found[caption]} and "
                f"{cells[0]}"
            )
    return found


def _read_speakers(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = (line.split() for line in path.read_text(encoding="utf-8-sig").splitlines())
    return {cells[0]: cells[1] for cells in lines if len(cells) == 2}
