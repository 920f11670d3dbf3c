"""Loading pictures: our store and transform against files through the usual torchvision chain."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from polymodal_core.plugins import registry
from polymodal_core.rows import Column, Item, Row
from polymodal_datasets.loading import load_batches
from polymodal_datasets.pack import pack
from polymodal_datasets.rooms.world import rooms
from polymodal_datasets.store import Store
from side_by_side import medians, print_table

SIZE = 224


class Pictures:
    """An importer of the JPEG files below a folder."""

    def __init__(self, root: Path) -> None:
        """List the files."""
        self.root: str | None = str(root)
        self.names = sorted(path.name for path in root.glob("*.jpg"))

    @property
    def columns(self) -> Mapping[str, Column]:
        """One column of pictures."""
        return {"image": Column("image")}

    @property
    def total(self) -> int:
        """Number of pictures."""
        return len(self.names)

    def rows(self) -> Iterator[Row]:
        """Yield one row per picture."""
        for name in self.names:
            yield Row({"image": Item(name, name)}, instance=name, origin=name)


def consume(batches: Iterable[Any]) -> None:
    """Load everything."""
    for _ in batches:
        pass


def main(*, quick: bool = False) -> None:
    """Print pictures per second of both ways, without workers."""
    import torchvision.transforms as usual

    number = 128 if quick else 512
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "raw"
        folder.mkdir()
        index = 0
        for chunk in rooms(number, seed=0, size=256, captions=0):
            for picture in np.asarray(chunk.images):
                Image.fromarray(picture).save(folder / f"{index:05}.jpg", quality=90)
                index += 1
        found = registry()
        pack(Pictures(folder), Path(name) / "store", registry=found)
        store = Store(Path(name) / "store")
        image = found.modality("image").model_validate({"size": SIZE, "jitter": 0.0}).build({})
        chain = usual.Compose(
            [
                usual.RandomResizedCrop(SIZE),
                usual.ToTensor(),
                usual.Normalize([0.5] * 3, [0.5] * 3),
            ]
        )

        def ours() -> None:
            rows = np.arange(number)
            consume(load_batches(store, rows, {"image": image}, batch_size=64, seed=0, epoch=0))

        def files() -> None:
            paths = sorted(folder.glob("*.jpg"))
            for at in range(0, number, 64):
                torch.stack(
                    [chain(Image.open(path).convert("RGB")) for path in paths[at : at + 64]]
                )

        ways = {"store, one-pass crop and resize, uint8": ours, "files, usual chain": files}
        times = medians(ways, rounds=1 if quick else 5)
        print_table(
            f"{number} JPEGs of 256 px to {SIZE} px", times, ours=next(iter(ways)), work=number
        )
