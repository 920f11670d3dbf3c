"""Pictures, depth and label maps, and a recipe that segments them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from polymodal_core.plugins import registry
from polymodal_core.rows import BadRow, Column, Item, Row
from polymodal_datasets.pack import pack

SIZE = 32
NAMES = ["ground", "box", "ball", "unknown"]
RECIPE = """
seed = 1
[data]
store = "{store}"
batch_size = 12
modality_dropout = 0.2
[embedding]
dim = 8
head = {{ kind = "linear" }}
[modalities.image]
size = 32
encoder = {{ kind = "convnet", width = 8, stride = 4 }}
[modalities.depth]
size = 32
encoder = {{ kind = "convnet", width = 8, stride = 4 }}
[modalities.segmentation]
size = 16
[fusion]
kind = "cross_attention"
width = 16
heads = 2
[objective]
kind = "segmentation"
streams = {{ depth = 0.5 }}
balance = 0.5
channels = 8
[training]
epochs = 6
lr_heads = 1e-2
lr_backbones = 1e-2
device = "cpu"
threads = 1
checkpoint_every = 2
[evaluation]
resamples = 60
[[evaluation.tasks]]
kind = "segmentation"
pictures = 3
"""


class Scenes:
    """Squares before a ground: which of two they are, depth alone says."""

    root: str | None = None

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.counts = counts
        self.notes: Mapping[str, int] = {}

    @property
    def columns(self) -> Mapping[str, Column]:
        return {
            "image": Column("image"),
            "depth": Column("depth", {"unit": "mm"}),
            "segmentation": Column("segmentation", {"classes": NAMES, "ignore": 3}),
        }

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def rows(self) -> Iterator[Row | BadRow]:
        rng = np.random.default_rng(0)
        number = 0
        for split, count in self.counts.items():
            for _ in range(count):
                labels = np.zeros((SIZE, SIZE), np.uint8)
                top, left = rng.integers(2, 14, size=2)
                kind = int(rng.integers(1, 3))
                labels[top : top + 14, left : left + 14] = kind
                picture = np.full((SIZE, SIZE, 3), 60, np.uint8)
                picture[labels > 0] = (200, 90, 30)
                depth = np.where(labels == 0, 4000, np.where(labels == 1, 1000, 2500))
                labels[:2] = 3
                items: dict[str, Any] = {"image": picture, "segmentation": labels}
                if number % 5:
                    items["depth"] = depth.astype(np.uint16)
                if number % 11 == 10:
                    del items["segmentation"]
                found = {name: Item(f"{number}", value) for name, value in items.items()}
                yield Row(found, f"{number}", NAMES[kind], split, f"scene {number}")
                number += 1


def packed(folder: Path, **counts: int) -> Path:
    """Pack so many scenes of each split."""
    pack(Scenes(counts), folder, registry=registry(), workers=0)
    return folder


def write(path: Path, store: Path, *changes: tuple[str, str]) -> str:
    text = RECIPE.format(store=store)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return str(path)
