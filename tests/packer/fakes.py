"""An importer of made-up rows, registered beside the kinds of modality of the stores' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from polymodal_core.config import Configuration, ImporterConfig
from polymodal_core.errors import PolymodalError
from polymodal_core.plugins import BrokenPlugin, Registry
from polymodal_core.rows import BadRow, Row
from pydantic import Field

from ..datasets.fakes import FakeImporter, captioned, fake_registry


class Deep(Configuration):
    """A table in a list in a table."""

    deepest: int = 1


class Mapping(Configuration):
    """A table of options."""

    template: str
    several: Literal["rows", "join"] = "rows"
    deep: tuple[Deep, ...] = ()


class FakeConfig(ImporterConfig):
    """Pictures with captions.

    Nothing is read: `pictures` says how many.
    """

    kind: Literal["fake"] = "fake"
    pictures: int = Field(default=5, ge=0)
    interrupted: bool = False
    fraction: float = 0.25
    root: Path | None = None
    names: tuple[str, ...] = ("a", "b")
    columns: dict[str, Mapping] = Field(default_factory=dict)
    joins: tuple[Mapping, ...] = ()
    table: Mapping | None = None

    def build(self) -> FakeImporter:
        if self.root is not None and not self.root.is_dir():
            raise PolymodalError(f"{self.root}: no such folder")
        return (
            Interrupted(captioned(self.pictures))
            if self.interrupted
            else FakeImporter(captioned(self.pictures))
        )


class Interrupted(FakeImporter):
    """Ctrl-C after a hundred rows."""

    def rows(self) -> Iterator[Row | BadRow]:
        yield from self.entries[:100]
        raise KeyboardInterrupt


class NeedyConfig(ImporterConfig):
    """Needs a root."""

    kind: Literal["needy"] = "needy"
    root: Path

    def build(self) -> FakeImporter:
        return NotedImporter(captioned(2), root=str(self.root))


class NotedImporter(FakeImporter):
    """Counts what is in no row."""

    def rows(self) -> Iterator[Row | BadRow]:
        yield from self.entries
        self.notes: dict[str, int] = {"pictures in no list": 1200}


def packer_registry() -> Registry:
    registry = fake_registry()
    registry.add("importer", FakeConfig, "fakes")
    registry.add("importer", NeedyConfig, "fakes")
    registry.broken.append(BrokenPlugin("sonar", "acme-sonar", "ImportError: no module 'sonar'"))
    return registry
