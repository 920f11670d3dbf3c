"""Spoken captions: which voice says a caption of a room, and saying them ahead of need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from polymodal_datasets.synthesis.voice import Voice, draw_voice

if TYPE_CHECKING:
    from polymodal_datasets.rooms.world import Rooms
    from polymodal_datasets.synthesis.synthesiser import Spoken, Synthesiser


def voice_of(seed: int, room: int, caption: int) -> Voice:
    """Draw who says a caption, and how; depends on these three numbers alone."""
    # The 2 keeps these draws apart from the room's own and from what is missing of it.
    return draw_voice(np.random.default_rng((seed, room, 2, caption)))


def spoken_rooms(
    chunks: Iterable[Rooms], synthesiser: Synthesiser, *, seed: int, count: int
) -> Iterator[tuple[Rooms, int, list[Spoken]]]:
    """Give every room, as chunk and number in it, with recordings of its first `count` captions."""
    rooms = ((chunk, number) for chunk in chunks for number in range(len(chunk.scenes)))
    tasks = (
        (
            (chunk, number),
            [
                (text, voice_of(seed, int(chunk.scenes.index[number]), caption))
                for caption, text in enumerate(chunk.captions[number][:count])
            ],
        )
        for chunk, number in rooms
    )
    for (chunk, number), recordings in synthesiser.say_ahead(tasks):
        yield chunk, number, recordings
