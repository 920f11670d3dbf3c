"""A small store of vectors, a recipe for it, and what compares two runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.checkpoint import load_checkpoint
from polymodal_core.plugins import registry
from polymodal_core.rows import BadRow, Column, Item, Row
from polymodal_core.run import RunFolder
from polymodal_datasets.pack import pack

COLUMNS = ("left", "middle", "right")

RECIPE = """# A recipe for the tests.
seed = 3
[data]
store = "{store}"
batch_size = 16
[embedding]
dim = 8
[modalities.left]
kind = "attributes"
encoder = {{ kind = "mlp", hidden = 16, dropout = 0.2 }}
[modalities.middle]
kind = "attributes"
encoder = {{ kind = "mlp", hidden = 16, dropout = 0.2 }}
[modalities.right]
share = "middle"
[objective]
kind = "pcmc"
[training]
epochs = 4
checkpoint_every = 2
device = "cpu"
threads = 1
[evaluation]
"""


@dataclass
class Vectors:
    """An importer of rows that share a secret vector, seen through another matrix per column.

    `lacks(row, column)` says which values are left out; `rows` by split.
    """

    counts: Mapping[str, int] = field(default_factory=lambda: {"train": 100, "validation": 30})
    missing: float = 0.0
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)
    dim: int = 6
    root: str | None = None

    @property
    def columns(self) -> Mapping[str, Column]:
        return {name: Column("attributes") for name in COLUMNS}

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def rows(self) -> Iterator[Row | BadRow]:
        rng = np.random.default_rng(0)
        views = {name: rng.normal(size=(self.dim, self.dim)) for name in COLUMNS}
        number = 0
        for split, count in self.counts.items():
            for _ in range(count):
                secret = rng.normal(size=self.dim)
                luck = rng.random(len(COLUMNS))
                chosen = [
                    name
                    for name, draw in zip(COLUMNS, luck, strict=True)
                    if draw >= self.missing and self.allows(name, number, split)
                ]
                items = {
                    name: Item(f"{name}{number}", (views[name] @ secret).astype(np.float32))
                    for name in chosen
                }
                if items:
                    yield Row(items, instance=str(number), label=str(number % 5), split=split)
                number += 1

    def allows(self, column: str, number: int, split: str) -> bool:
        if split not in self.only:
            return True
        names = sorted(self.only[split])
        return column == names[number % len(names)]


def make_store(path: Path, importer: Any) -> Path:
    pack(importer, path, registry=registry(), workers=1)
    return path


def write_recipe(path: Path, store: Path, *, changes: Mapping[str, str] | None = None) -> Path:
    text = RECIPE.format(store=store)
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return path


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three columns, 40 % of each missing at random."""
    return make_store(tmp_path_factory.mktemp("stores") / "vectors", Vectors(missing=0.4))


@pytest.fixture
def recipe(tmp_path: Path, store: Path) -> Path:
    """The path of a recipe for `store`."""
    return write_recipe(tmp_path / "tiny.toml", store)


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def lines(run: Path, event: str | None = None) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in RunFolder(run).metrics.read_text().splitlines()]
    return [line for line in found if event is None or line["event"] == event]


def assert_same_run(first: Path, second: Path) -> None:
    """Same weights, optimiser state, history and log, bit for bit."""
    ends = [RunFolder(run).steps()[-1] for run in (first, second)]
    assert ends[0].name == ends[1].name
    checkpoints = [load_checkpoint(end) for end in ends]
    for group, tensors in checkpoints[0].tensors.items():
        assert tensors.keys() == checkpoints[1].tensors[group].keys()
        for name, tensor in tensors.items():
            other = checkpoints[1].tensors[group][name]
            assert tensor.numpy().tobytes() == other.numpy().tobytes(), f"{group}/{name}"
    states = [dict(checkpoint.state) for checkpoint in checkpoints]
    for state in states:
        for key in ("metrics_size", "recipe"):
            del state[key]
    assert states[0] == states[1]
    logs = [lines(run) for run in (first, second)]
    for log in logs:
        for line in log:
            line.pop("rows_per_s", None)
    assert logs[0] == logs[1]
    bests = [os.readlink(RunFolder(run).checkpoints / "best") for run in (first, second)]
    assert bests[0] == bests[1]
