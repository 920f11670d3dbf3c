from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from polymodal_core.config import EstimatorConfig
from polymodal_core.errors import PolymodalError
from polymodal_core.plugins import Registry
from polymodal_core.protocols import Estimated
from polymodal_core.rows import BadRow, Column, Item, Row
from polymodal_datasets.pack import pack
from polymodal_datasets.store import Store
from polymodal_packer import estimation

from ..datasets.fakes import FakeImporter, NoteConfig, TileConfig, tile
from .conftest import Run


class FakeEstimator:
    def __init__(self, model: str, scale: float) -> None:
        self.model, self.scale = model, scale

    def calibrate(self, pairs: Iterable[tuple[Any, Any]]) -> Mapping[str, Any]:
        known = list(pairs)
        if not known and self.model == "needy":
            raise PolymodalError("no true depth to take a scale from")
        return {"pairs": len(known), "seen": [text for _, text in known], "median_error": 0.25}

    def estimate(self, value: Any) -> Estimated:
        confidence = np.full(value.shape[:2], self.scale, np.float32)
        return Estimated(f"{self.model} {value.mean():.0f}".encode(), confidence)


class FakeEstimatorConfig(EstimatorConfig):
    source: ClassVar[str] = "tile"
    scale: float = 0.5

    def build(self) -> FakeEstimator:
        return FakeEstimator(self.model, self.scale)


class DepthConfig(NoteConfig):
    kind: Literal["depth"] = "depth"  # type: ignore[assignment]
    estimator: ClassVar[type[EstimatorConfig] | None] = FakeEstimatorConfig


def depth_registry() -> Registry:
    found = Registry()
    for config in (DepthConfig, TileConfig, NoteConfig):
        found.add("modality", config, "fakes")
    return found


def store(path: Path, *, columns: tuple[str, ...] = ("front",), depth: int = 3) -> Path:
    """Six rows, the last one for test; the first `depth` have depth."""
    rows: list[Row | BadRow] = []
    for number in range(6):
        items = {name: Item(f"{name}{number}", tile(number)) for name in columns}
        if number < depth:
            items["depth"] = Item(f"d{number}", f"depth {number}")
        rows.append(Row(items, f"{number}", split="test" if number == 5 else "train", origin="r"))
    declared = {**{name: Column("tile") for name in columns}, "depth": Column("depth")}
    pack(FakeImporter(rows, declared), path, registry=depth_registry())
    return path


@pytest.fixture
def depth(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(estimation, "registry", depth_registry)

    def run_depth(*arguments: str) -> Any:
        return run("depth", *arguments)

    return run_depth


def test_gaps_are_filled_and_told(depth: Run) -> None:
    store(Path("old"))
    done = depth("old", "--out", "new", "--model", "m: 1", "--set", "scale=0.2")
    assert (done.code, done.err.strip()) == (0, "")
    assert done.out.splitlines() == [
        "new: 6 rows of 6 front, 6 depth, 3 depth_confidence",
        "depth of 3 rows was estimated from front by m: 1; on 3 rows with true values it is off by "
        "25.0 % (median). Confidence: depth_confidence",
    ]
    new = Store("new")
    assert new.read("depth", [3]) == [f"m: 1 {tile(3).mean():.0f}".encode()]
    (payload,) = new.read("depth_confidence", [0])
    assert set(payload[2:]) == {51}
    source = new.describe()["source"]
    assert source["calibration"]["seen"] == ["depth 0", "depth 1", "depth 2"]
    assert source["estimator"] == {"model": "m: 1", "scale": 0.2}
    assert source["fingerprint"] == Store("old").fingerprint


def test_only_so_many_rows_of_the_split_give_the_scale(depth: Run) -> None:
    store(Path("old"))
    depth("old", "--out", "a", "--model", "m", "--samples", "2")
    assert Store("a").describe()["source"]["calibration"]["pairs"] == 2
    depth("old", "--out", "b", "--model", "m", "--split", "test")
    assert Store("b").describe()["source"]["calibration"]["pairs"] == 0


def test_columns_are_named_where_several_could_be_meant(depth: Run) -> None:
    store(Path("old"), columns=("front", "side"))
    done = depth("old", "--out", "new", "--model", "m")
    assert done.code == 2
    assert "has several columns of kind 'tile': front, side; say which with --from" in done.err
    assert depth("old", "--out", "new", "--model", "m", "--from", "side").code == 0
    # What was filled once has pictures of confidence, which nothing is estimated from.
    again = depth("new", "--out", "newer", "--model", "m", "--from", "side")
    assert "nothing to fill" in again.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("nowhere", "--out", "x", "--model", "m"), "nowhere: no store here"),
        (("old", "--out", "old", "--model", "m"), "old holds a store already; pack to another"),
        (
            ("old", "--out", "x", "--model", "m", "--from", "fron"),
            "no column 'fron' of kind 'tile'",
        ),
        (("old", "--out", "x", "--model", "m", "--column", "front"), "'front' of kind 'depth'"),
        (("old", "--out", "x", "--model", "m", "--split", "tset"), "did you mean 'test'?"),
        (("old", "--out", "x", "--model", "m", "--set", "scal=1"), "scal: unknown key; did you"),
        (("old", "--out", "x", "--model", "needy", "--split", "test"), "no true depth to take"),
        (("full", "--out", "x", "--model", "m"), "lacks 'depth'; there is nothing to fill"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(
    depth: Run, options: tuple[str, ...], message: str
) -> None:
    store(Path("old"))
    store(Path("full"), depth=6)
    done = depth(*options)
    assert done.code == 2
    assert message in done.err
    assert not Path("x").exists()
    assert not Path("x.partial").exists()


def test_a_kind_that_cannot_be_estimated(depth: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DepthConfig, "estimator", None)
    store(Path("old"))
    done = depth("old", "--out", "x", "--model", "m")
    assert "values of kind 'depth' cannot be estimated from others" in done.err
