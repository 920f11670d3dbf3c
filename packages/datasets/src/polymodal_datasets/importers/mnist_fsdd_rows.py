"""Rows of written and spoken digits: any picture with any recording of the same digit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow, Column, Item, Row

from polymodal_datasets.importers.class_pairs import class_pairs
from polymodal_datasets.importers.fsdd_rows import DIGITS, recordings_folder, spoken_digits
from polymodal_datasets.importers.idx_file import find_idx, read_idx
from polymodal_datasets.importers.mnist_fsdd import MnistFsddConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Labels = NDArray[np.uint8]

SPLITS = ("train", "validation", "test", "unseen")
SEEN_TEST, SEEN_VALIDATION = 5, 5
"""Recordings of each seen speaker and digit that are kept out of training."""


class MnistFsddImporter:
    """Yields the rows split after split, each in the order of the pictures."""

    def __init__(self, config: MnistFsddConfig) -> None:
        """Read pictures and names of recordings; raises PolymodalError where a part is missing."""
        folder = recordings_folder(config.fsdd)
        self.root: str | None = str(folder)
        self._pictures = {part: _read_part(config.mnist, part) for part in ("train", "t10k")}
        digits, self._bad = spoken_digits(
            folder, unseen=config.unseen, test=SEEN_TEST, validation=SEEN_VALIDATION
        )
        recordings: dict[str, dict[str, list[str]]] = {name: defaultdict(list) for name in SPLITS}
        for spoken in digits:
            recordings[spoken.split][DIGITS[spoken.digit]].append(spoken.name)
        self._pairs = {
            split: class_pairs(members, recordings[split], times=config.pairs, seed=config.seed)
            for split, members in self._members(config).items()
        }
        for split in ("train", "validation"):
            if not self._pairs[split]:
                raise PolymodalError(
                    f"no picture of {config.mnist} finds a recording of its digit for '{split}' "
                    f"in {folder}"
                )

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name."""
        return {
            "image": Column("image"),
            "speech": Column("speech"),
            "word": Column("text", of_classes=True),
            "prototypes": Column("prototypes", of_classes=True),
        }

    @property
    def total(self) -> int:
        """Number of rows, bad ones included."""
        return len(self._bad) + sum(len(pairs) for pairs in self._pairs.values())

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield a row per pair."""
        import numpy as np

        yield from self._bad
        prototypes = self._prototypes()
        for split, pairs in self._pairs.items():
            for number, (word, (part, place), name) in enumerate(pairs):
                grey = self._pictures[part][0][place]
                items = {
                    "image": Item(f"{part}/{place:05d}", np.stack([grey] * 3, axis=2)),
                    "speech": Item(name, name),
                    "word": Item(word, word),
                }
                if word in prototypes:
                    items["prototypes"] = Item(word, prototypes[word])
                yield Row(items, None, word, split, f"{split}:{number}")

    def _members(self, config: MnistFsddConfig) -> dict[str, list[tuple[str, tuple[str, int]]]]:
        # The pictures of each split: (word, (part of MNIST, place in it)).
        import numpy as np

        labels = {part: found[1] for part, found in self._pictures.items()}
        count = len(labels["train"])
        order = np.random.default_rng(config.seed).permutation(count)
        held = set(order[: round(config.validation * count)].tolist())
        members: dict[str, list[tuple[str, tuple[str, int]]]] = {name: [] for name in SPLITS}
        for place, digit in enumerate(labels["train"].tolist()):
            split = "validation" if place in held else "train"
            members[split].append((DIGITS[digit], ("train", place)))
        for place, digit in enumerate(labels["t10k"].tolist()):
            for split in ("test", "unseen"):
                members[split].append((DIGITS[digit], ("t10k", place)))
        return members

    def _prototypes(self) -> dict[str, NDArray[np.float32]]:
        # Means of the training pictures of each digit, every four pixels one number.
        import numpy as np

        pictures, labels = self._pictures["train"]
        found = {}
        for digit, word in enumerate(DIGITS):
            own = pictures[labels == digit]
            if len(own):
                mean = own.mean(axis=0, dtype=np.float64) / 255
                coarse = mean.reshape(14, 2, 14, 2).mean(axis=(1, 3))
                found[word] = coarse.ravel().astype(np.float32)
        return found


def _read_part(root: Path, part: str) -> tuple[Pixels, Labels]:
    pictures = read_idx(find_idx(root, f"{part}-images-idx3-ubyte"))
    labels = read_idx(find_idx(root, f"{part}-labels-idx1-ubyte"))
    if pictures.ndim != 3 or pictures.shape[1:] != (28, 28) or labels.shape != pictures.shape[:1]:
        raise PolymodalError(
            f"{root}: pictures {list(pictures.shape)} and labels {list(labels.shape)} of "
            f"'{part}'; wanted [count, 28, 28] and [count]"
        )
    if labels.max(initial=0) > 9:
        raise PolymodalError(f"{root}: a label of '{part}' is {labels.max()}; wanted 0 to 9")
    return pictures, labels
