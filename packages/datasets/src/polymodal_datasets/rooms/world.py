"""Rooms with everything about them, any number, chunk by chunk over several threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from polymodal_datasets.rooms.attributes import attributes
from polymodal_datasets.rooms.captions import captions as describe
from polymodal_datasets.rooms.domain import at_dusk, evening_colours
from polymodal_datasets.rooms.render import render
from polymodal_datasets.rooms.scene import Scenes, sample_scenes

Array = np.ndarray[Any, np.dtype[Any]]

# Fewer rays at a time and the threads wait for the interpreter; more, and memory is slower.
_RAYS = 64 * 64 * 64


@dataclass(frozen=True)
class Rooms:
    """A chunk of rooms."""

    scenes: Scenes
    images: Array | None
    """uint8 [rooms, size, size, 3]; None where not asked for."""
    depth: Array | None
    """float32 [rooms, size, size], metres along the optical axis."""
    captions: list[list[str]]
    attributes: Array
    """float32 [rooms, len(ATTRIBUTE_NAMES)]"""


def rooms(
    which: int | Array,
    *,
    seed: int = 0,
    size: int = 64,
    captions: int = 3,
    rendered: bool = True,
    threads: int | None = None,
    chunk: int | None = None,
    shifted: bool = False,
) -> Iterator[Rooms]:
    """Yield the first `which` rooms of world `seed`, or those at the indices `which`, in order.

    A room is the same whatever the number of rooms, chunk and threads. `rendered=False` leaves
    out pictures and depth; `threads` defaults to the number of cores. `shifted` shows them in
    another domain (`domain.at_dusk`).
    """
    indices = np.arange(which) if isinstance(which, int) else which
    step = max(1, _RAYS // size**2) if chunk is None else chunk
    workers = (os.cpu_count() or 1) if threads is None else threads

    def make(part: Array) -> Rooms:
        scenes = sample_scenes(seed, part)
        seen = at_dusk(scenes) if shifted else scenes
        images, depth = render(seen, size=size) if rendered else (None, None)
        images = evening_colours(images) if shifted and images is not None else images
        sentences = describe(scenes, count=captions)
        return Rooms(scenes, images, depth, sentences, attributes(scenes))

    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Rooms]] = deque()
        try:
            for start in range(0, len(indices), step):
                waiting.append(pool.submit(make, indices[start : start + step]))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
