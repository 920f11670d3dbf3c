"""Measure how many rooms are made in a second, or draw a sheet of them.

python -m polymodal_datasets.rooms --rooms 2000 --size 64 --threads 2
python -m polymodal_datasets.rooms --rooms 24 --size 128 --sheet rooms.png
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np

from polymodal_datasets.rooms.world import Rooms, rooms


def main() -> None:
    """Make rooms with pictures, depth, captions and attributes; print what that took."""
    parser = argparse.ArgumentParser(prog="python -m polymodal_datasets.rooms", description=__doc__)
    parser.add_argument("--rooms", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="index of the first room")
    parser.add_argument("--step", type=int, default=1, help="take every so many-th room")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=64, help="pixels")
    parser.add_argument("--captions", type=int, default=3, help="per room")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sheet", metavar="PNG", help="write the pictures, side by side")
    options = parser.parse_args()
    indices = options.first + options.step * np.arange(options.rooms)
    # Nothing is kept but for a sheet, so that any number fits into memory.
    kept: list[Rooms] = []
    wall, busy = time.perf_counter(), time.process_time()
    for chunk in rooms(
        indices,
        seed=options.seed,
        size=options.size,
        captions=options.captions,
        threads=options.threads,
    ):
        if options.sheet is not None:
            kept.append(chunk)
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    print(
        f"{options.rooms} rooms of {options.size} px with {options.captions} captions each: "
        f"{options.rooms / wall:.0f} rooms/s on {options.threads} thread(s); "
        f"{1000 * busy / options.rooms:.2f} ms of processor time per room"
    )
    if options.sheet is not None:
        write_sheet(options.sheet, kept)


def write_sheet(path: str, chunks: list[Rooms], *, gap: int = 4) -> None:
    """Write the pictures of all chunks into one PNG, about twice as wide as high."""
    from PIL import Image

    pictures = np.concatenate([chunk.images for chunk in chunks if chunk.images is not None])
    size = pictures.shape[1]
    across = int(np.ceil(np.sqrt(2 * len(pictures))))
    down = -(-len(pictures) // across)
    sheet = np.full((down * (size + gap) - gap, across * (size + gap) - gap, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        top, left = (place * (size + gap) for place in divmod(number, across))
        sheet[top : top + size, left : left + size] = picture
    Image.fromarray(sheet).save(path)


if __name__ == "__main__":
    main()
