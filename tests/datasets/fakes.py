"""Two small kinds of modality and an importer, so that these tests need no other package."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from polymodal_core.config import ModalityConfig
from polymodal_core.errors import ValueRejectedError
from polymodal_core.plugins import Registry
from polymodal_core.protocols import Modality, State
from polymodal_core.rows import BadRow, Column, Item, Row
from polymodal_datasets.store import Store

if TYPE_CHECKING:
    import torch

Array = np.ndarray[Any, np.dtype[Any]]


class NoteModality(Modality):
    """Text, stored as UTF-8."""

    def __init__(self, *, upper: bool = False) -> None:
        self.upper = upper

    def pack(self, value: Any, root: str | None) -> bytes:
        if not value:
            raise ValueRejectedError("empty text")
        return str(value).upper().encode() if self.upper else str(value).encode()

    def decode(self, payload: bytes) -> str:
        return payload.decode()

    def transform(
        self, value: Any, *, training: bool, shared: np.random.Generator, own: np.random.Generator
    ) -> Array:
        if value == "cannot be transformed":
            raise ZeroDivisionError("as told")
        draws = [shared.random(), own.random()] if training else [0.0, 0.0]
        return np.array([len(value), *draws])

    def collate(self, examples: Sequence[Any]) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.stack(examples))

    def show(self, value: Any) -> str:
        return str(value)

    def spec(self) -> dict[str, Any]:
        return {}


class TileModality(Modality):
    """Square pictures, given as uint8 [side, side, 3] or as the path of a .npy file."""

    def pack(self, value: Any, root: str | None) -> bytes:
        if isinstance(value, str):
            try:
                value = np.load(Path(root or "") / value)
            except (OSError, ValueError) as error:
                raise ValueRejectedError(f"not a picture: {error}") from None
        if value.ndim != 3:
            raise ValueRejectedError(f"wanted [side, side, 3], given {list(value.shape)}")
        return len(value).to_bytes(2, "little") + bytes(np.ascontiguousarray(value).tobytes())

    def decode(self, payload: bytes) -> Array:
        side = int.from_bytes(payload[:2], "little")
        return np.frombuffer(payload[2:], dtype=np.uint8).reshape(side, side, 3)

    def transform(
        self, value: Any, *, training: bool, shared: np.random.Generator, own: np.random.Generator
    ) -> Array:
        draws = [shared.random(), own.random()] if training else [0.0, 0.0]
        return np.array([float(value.mean()), *draws])

    def collate(self, examples: Sequence[Any]) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.stack(examples))

    def show(self, value: Any) -> Array:
        shown: Array = value
        return shown

    def spec(self) -> dict[str, Any]:
        return {}


class NoteConfig(ModalityConfig):
    kind: Literal["note"] = "note"
    default_encoder: ClassVar[str] = "none"
    upper: bool = False

    def build(self, state: State | None = None) -> NoteModality:
        return NoteModality(upper=self.upper)


class TileConfig(ModalityConfig):
    kind: Literal["tile"] = "tile"
    default_encoder: ClassVar[str] = "none"

    def build(self, state: State | None = None) -> TileModality:
        return TileModality()


def fake_registry() -> Registry:
    registry = Registry()
    registry.add("modality", NoteConfig, "fakes")
    registry.add("modality", TileConfig, "fakes")
    return registry


@dataclass
class FakeImporter:
    """Yields the rows it is given, `seconds` apart."""

    entries: Sequence[Row | BadRow]
    columns: Mapping[str, Column] = field(
        default_factory=lambda: {"picture": Column("tile"), "caption": Column("note")}
    )
    root: str | None = None
    seconds: float = 0.0

    @property
    def total(self) -> int:
        return len(self.entries)

    def rows(self) -> Iterator[Row | BadRow]:
        for entry in self.entries:
            time.sleep(self.seconds)
            yield entry


def tile(number: int, side: int = 6) -> Array:
    return np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)


def captioned(pictures: int, captions: int = 5, *, side: int = 6) -> list[Row | BadRow]:
    """Rows of pictures with several captions each; some values missing, some bad."""
    rows: list[Row | BadRow] = []
    for number in range(pictures):
        picture = Item(f"{number}.png", tile(number, side))
        for caption in range(captions):
            items = {"picture": picture, "caption": Item(f"{number}#{caption}", f"text {number}")}
            if number % 7 == 3:
                del items["picture"]
            if number % 7 == 4 and caption == 0:
                del items["caption"]
            rows.append(
                Row(
                    items,
                    instance=f"scene {number}",
                    label=None if number % 5 == 0 else f"class {number % 3}",
                    split=("train", "train", "test")[number % 3],
                    origin=f"captions.csv:{len(rows) + 2}",
                )
            )
        if number % 10 == 6:
            rows.append(BadRow(f"captions.csv:{len(rows) + 2}", "no such column"))
        if number % 10 == 8:
            bad = Item(f"{number}#empty", "")
            items = {"picture": picture, "caption": bad}
            rows.append(Row(items, origin=f"captions.csv:{len(rows) + 2}"))
    return rows


def contents(store: Store) -> dict[str, Any]:
    """Everything that is in a store, as plain data."""
    table = store.table
    return {
        "items": {
            name: [
                (store.id(name, item), payload)
                for item, payload in enumerate(store.read(name, range(column.count)))
            ]
            for name, column in store.columns.items()
        },
        "table": {
            name: numbers.tolist()
            for name, numbers in {
                **table.items,
                "instance": table.instance,
                "label": table.label,
                "split": table.split,
            }.items()
        },
        "names": [store.instance_names, table.class_names, table.split_names],
        "fingerprint": store.fingerprint,
    }
