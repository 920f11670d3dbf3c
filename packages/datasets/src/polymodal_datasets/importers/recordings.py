"""What importers of speech have in common: files of sound, and splits by who speaks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")


def is_recording(path: Path) -> bool:
    """Say whether a path has the ending of a file of sound."""
    return path.suffix.lower() in SUFFIXES


def recording_named(folder: Path, stem: str) -> Path | None:
    """Find the recording of a name without its ending, None where there is none."""
    found = (folder / f"{stem}{suffix}" for suffix in SUFFIXES)
    return next((path for path in found if path.is_file()), None)


def share_of_names(
    names: Collection[str], shares: Mapping[str, float], *, seed: int
) -> dict[str, str]:
    """Draw shares of some names (speakers, recordings), each for a split; the rest is `train`.

    A share above 0 gets one name at least, where there are more names than shares.
    """
    import numpy as np

    order = [sorted(names)[place] for place in np.random.default_rng(seed).permutation(len(names))]
    split_of = dict.fromkeys(order, "train")
    start = 0
    for split, share in shares.items():
        least = 1 if share > 0 and len(order) > len(shares) else 0
        end = start + max(least, round(share * len(order)))
        split_of.update(dict.fromkeys(order[start:end], split))
        start = end
    return split_of
