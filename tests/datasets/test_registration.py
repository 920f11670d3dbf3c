from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from polymodal_core.config import ModalityConfig
from polymodal_core.errors import PolymodalError
from polymodal_core.plugins import Registry
from polymodal_core.protocols import State
from polymodal_core.rows import BadRow, Column, Item, Row
from polymodal_datasets.pack import pack
from polymodal_datasets.registration import same_shape
from polymodal_datasets.store import Store

from .fakes import FakeImporter, NoteModality


class SizedModality(NoteModality):
    """Texts such as '3x4', of that height and width; others have none."""

    def extent(self, payload: bytes) -> tuple[int, int] | None:
        height, times, width = payload.decode().partition("x")
        return (int(height), int(width)) if times else None


class PictureConfig(ModalityConfig):
    kind: Literal["picture"] = "picture"
    default_encoder: ClassVar[str] = "none"

    def build(self, state: State | None = None) -> SizedModality:
        return SizedModality()


class MapConfig(PictureConfig):
    kind: Literal["map"] = "map"  # type: ignore[assignment]
    registered: bool = True

    def registered_with(self) -> str | None:
        return "picture" if self.registered else None


COLUMNS = {"front": Column("picture"), "side": Column("picture"), "depth": Column("map")}


def registry() -> Registry:
    found = Registry()
    found.add("modality", PictureConfig, "fakes")
    found.add("modality", MapConfig, "fakes")
    return found


def row(number: int, **items: str | tuple[str, str]) -> Row:
    named = {
        name: Item(*item) if isinstance(item, tuple) else Item(f"{number}", item)
        for name, item in items.items()
    }
    return Row(named, origin=f"r{number}")


def packed(out: Path, rows: list[Row | BadRow], **options: Any) -> list[tuple[str, str]]:
    report = pack(FakeImporter(rows, COLUMNS), out, registry=registry(), options=options)
    return [(skipped.origin, skipped.message) for skipped in report.first_skipped]


def test_a_value_of_another_shape_costs_its_row(tmp_path: Path) -> None:
    rows: list[Row | BadRow] = [
        row(0, front="480x640", depth="480x640"),
        row(1, front="480x640", depth="240x320"),
        row(2, front="480x640", depth="640x480"),
        row(3, front="480x640", side="640x480", depth="64x48"),
        row(4, front="480x640", side="640x480", depth="48x48"),
        row(5, depth="7x9"),
        row(6, front="no size", depth="7x9"),
        row(7, front="480x640", depth="no size"),
        row(8, front="480x640", side="7x9"),
    ]
    bad = packed(tmp_path / "s", rows)
    assert [origin for origin, _ in bad] == ["r2", "r4"]
    assert bad[0][1].startswith(
        "is 480 x 640 pixels, and the row has 'front' 640 x 480 pixels: they cannot show the same"
    )
    assert "say --set depth.registered=false" in bad[0][1]
    assert "'front' 640 x 480 pixels, 'side' 480 x 640 pixels" in bad[1][1]
    assert len(Store(tmp_path / "s").table) == 7
    assert packed(tmp_path / "t", rows, depth={"registered": False}) == []


def test_items_that_were_stored_before_are_known(tmp_path: Path) -> None:
    shared = ("front 0", "480x640")
    rows: list[Row | BadRow] = [
        row(0, front=shared, depth="480x640"),
        *(row(number, front=shared) for number in range(1, 60)),
        row(60, front=shared, depth="480x480"),
    ]
    assert [origin for origin, _ in packed(tmp_path / "s", rows)] == ["r60"]


def test_a_resumed_pack_finds_the_same(tmp_path: Path) -> None:
    shared = ("front 0", "480x640")
    rows: list[Row | BadRow] = [
        row(0, front=shared),
        *(row(number, side="1x1") for number in range(1, 40)),
    ]
    last = row(40, front=shared, depth="480x480")

    class Stopped(FakeImporter):
        def rows(self) -> Iterator[Row | BadRow]:
            yield from rows
            raise PolymodalError("the disk is full")

    out = tmp_path / "s"
    with pytest.raises(PolymodalError):
        pack(Stopped(rows, COLUMNS), out, registry=registry(), source={"importer": "it"}, workers=1)
    report = pack(
        FakeImporter([*rows, last, row(41, side="1x1")], COLUMNS),
        out,
        registry=registry(),
        source={"importer": "it"},
    )
    assert report.resumed > 0
    assert [skipped.origin for skipped in report.first_skipped] == ["r40"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((480, 640), (480, 640), True),
        ((480, 640), (120, 160), True),
        ((333, 500), (64, 96), True),
        ((427, 640), (128, 192), True),
        ((427, 561), (480, 640), False),
        ((480, 640), (640, 480), False),
        ((424, 512), (480, 640), False),
    ],
)
def test_shapes_are_the_same_to_a_rounding(
    one: tuple[int, int], other: tuple[int, int], same: bool
) -> None:
    assert same_shape(one, other) is same
    assert same_shape(other, one) is same


def test_every_reduction_of_a_picture_keeps_its_shape() -> None:
    rng = np.random.default_rng(0)
    for _ in range(500):
        height, width = (int(side) for side in rng.integers(100, 2000, 2))
        short = int(rng.integers(16, min(height, width)))
        factor = short / min(height, width)
        reduced = (round(height * factor), round(width * factor))
        assert same_shape((height, width), reduced), ((height, width), reduced)
