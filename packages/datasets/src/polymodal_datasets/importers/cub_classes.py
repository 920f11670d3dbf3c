"""Which classes of CUB-200-2011 are held out of training, and which pictures of the others."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from polymodal_core.errors import PolymodalError

from polymodal_datasets.importers.cub_files import class_number


def unseen_classes(
    given: float | str | tuple[int, ...], present: Collection[int], *, seed: int
) -> frozenset[int]:
    """Give the held-out ones of the classes `present`.

    A share below 1 of them is drawn from `seed`; numbers, a range or a file name them. Raises
    PolymodalError where that holds out none that was asked for, or leaves none to train on.
    """
    import numpy as np

    if isinstance(given, float):
        if not 0 <= given < 1:
            raise PolymodalError(
                f"unseen = {given}: a share is from 0 up to below 1; a list of class numbers is "
                f"written [3, 17], '3,17' or '151-200'"
            )
        order = np.random.default_rng(seed).permutation(sorted(present))
        unseen = frozenset(int(number) for number in order[: round(given * len(present))])
    else:
        numbers = _listed(given) if isinstance(given, str) else frozenset(given)
        unseen = numbers & frozenset(present)
    if given != 0 and (not unseen or len(unseen) == len(present)):
        raise PolymodalError(
            f"unseen = {given!r} holds out {'every' if unseen else 'no'} class that has pictures; "
            f"these are {', '.join(map(str, sorted(present)))}"
        )
    return unseen


def held_out_pictures(
    pictures: Mapping[int, Sequence[str]], share: float, *, seed: int
) -> frozenset[str]:
    """Draw a share of each class's pictures; which ones depends on no other class."""
    import numpy as np

    held: set[str] = set()
    for number, paths in pictures.items():
        order = np.random.default_rng([seed, number]).permutation(len(paths))
        held.update(paths[place] for place in order[: round(share * len(paths))])
    return frozenset(held)


def _listed(text: str) -> frozenset[int]:
    path = Path(text)
    if path.is_file():
        names = path.read_text(encoding="utf-8-sig").split()
        numbers = [class_number(name) for name in names]
        wrong = [name for name, number in zip(names, numbers, strict=True) if number is None]
        if wrong:
            raise PolymodalError(
                f"{path}: '{wrong[0]}' starts with no class number; '151' or "
                f"'151.Black_capped_Vireo' is expected on each line"
            )
        return frozenset(number for number in numbers if number is not None)
    found: set[int] = set()
    for part in text.split(","):
        bounds = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if bounds is None:
            raise PolymodalError(
                f"unseen = '{text}' is no file, and '{part.strip()}' no class number; write "
                f"'3,17' or '151-200', or a share such as 0.25"
            )
        found.update(range(int(bounds[1]), int(bounds[2] or bounds[1]) + 1))
    return frozenset(found)
