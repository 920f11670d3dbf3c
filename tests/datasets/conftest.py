"""A small packed store."""

from __future__ import annotations

from pathlib import Path

import pytest
from polymodal_datasets.pack import pack
from polymodal_datasets.store import Store

from .fakes import FakeImporter, captioned, fake_registry


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 40 pictures with five captions each; tests must not change it."""
    path = tmp_path_factory.mktemp("store") / "captioned"
    pack(FakeImporter(captioned(40)), path, registry=fake_registry())
    return path


@pytest.fixture
def store(packed: Path) -> Store:
    return Store(packed)
