"""Rows of CIFAR-10 and CIFAR-100, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow, Column, Item, Row

from polymodal_datasets.importers.pickled_arrays import read_pickled_arrays

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 32
CHANNELS = 3


@dataclass(frozen=True)
class CIFARLayout:
    """Where one of the two sets keeps what: batches by split, and the keys of labels and names."""

    folder: str
    batches: Mapping[str, str]
    meta: str
    labels: str
    names: str


def cifar10_layout() -> CIFARLayout:
    """Give the layout of CIFAR-10."""
    batches = {f"data_batch_{number}": "train" for number in range(1, 6)}
    return CIFARLayout(
        "cifar-10-batches-py",
        {**batches, "test_batch": "test"},
        "batches.meta",
        "labels",
        "label_names",
    )


def cifar100_layout(labels: str) -> CIFARLayout:
    """Give the layout of CIFAR-100; `labels` are `fine` or `coarse`."""
    return CIFARLayout(
        "cifar-100-python",
        {"train": "train", "test": "test"},
        "meta",
        f"{labels}_labels",
        f"{labels}_label_names",
    )


class CIFARImporter:
    """Reads the rows of the batches that are there, each in its own order."""

    root: str | None = None

    def __init__(self, root: Path, layout: CIFARLayout) -> None:
        """Read the names of the classes; raises PolymodalError where a file is missing."""
        inner = root / layout.folder
        self._folder = inner if inner.is_dir() else root
        self._layout = layout
        self._batches = [name for name in layout.batches if (self._folder / name).is_file()]
        if not self._batches:
            raise PolymodalError(
                f"{root} has none of the files {', '.join(layout.batches)}, nor a folder "
                f"{layout.folder} with them; pictures in folders are for the importer image_folder"
            )
        meta = self._folder / layout.meta
        if not meta.is_file():
            raise PolymodalError(f"{meta} is missing: it names the classes")
        self._names = [_text(name, meta) for name in _list(read_pickled_arrays(meta), layout.names)]

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name."""
        return {"image": Column("image"), "word": Column("text", of_classes=True)}

    @property
    def total(self) -> int | None:
        """Unknown: the batches are read one after another."""
        return None

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield a row per picture."""
        for batch in self._batches:
            path = self._folder / batch
            content = read_pickled_arrays(path)
            pictures = _pictures(content, path)
            labels = _list(content, self._layout.labels)
            if len(labels) != len(pictures):
                raise PolymodalError(f"{path}: {len(pictures)} pictures and {len(labels)} labels")
            for number, label in enumerate(labels):
                name = f"{batch}/{number}"
                if not isinstance(label, int) or not 0 <= label < len(self._names):
                    count = len(self._names)
                    yield BadRow(name, f"label {label!r:.40} is none of the {count} classes")
                    continue
                word = self._names[label]
                items = {
                    "image": Item(name, pictures[number]),
                    "word": Item(word, word.replace("_", " ")),
                }
                yield Row(items, name, word, self._layout.batches[batch], name)


def _pictures(content: Mapping[str, Any], path: Path) -> NDArray[np.uint8]:
    import numpy as np

    data = content.get("data")
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != SIDE * SIDE * 3:
        shape = list(data.shape) if isinstance(data, np.ndarray) else type(data).__name__
        raise PolymodalError(
            f"{path}: 'data' is {shape}; bytes [pictures, {SIDE * SIDE * CHANNELS}] are expected"
        )
    # A line is all of red, then green, then blue.
    planes = data.reshape(len(data), CHANNELS, SIDE, SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def _list(content: Mapping[str, Any], key: str) -> Sequence[Any]:
    found = content.get(key)
    if not isinstance(found, list):
        raise PolymodalError(
            f"no list '{key}' in the batch, which holds {', '.join(map(str, content)) or 'nothing'}"
        )
    return found


def _text(name: Any, path: Path) -> str:
    text = name.decode(errors="replace") if isinstance(name, bytes) else name
    if not isinstance(text, str) or not text.strip():
        raise PolymodalError(f"{path}: {name!r:.60} is no name of a class")
    return text.strip()
