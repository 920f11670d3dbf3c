"""Bad depth, as a user meets it: found while packing, with words that say what is expected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from polymodal_datasets.store import Store

from tests.apps import run_app

HEIGHT, WIDTH = 24, 32
MAPPING = """
table = "index.csv"

[columns.image]
path = "{name}.jpg"

[columns.depth]
path = "{depth}"
"""
UNIT = 'the unit of the source: mm, cm, m, or value=length as in "255=10m"'
RANGE = "stored are millimetres from 1 to 65535 (65.535 m), 0 = no reading"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A row of good depth, and one for each way to be bad."""
    root = tmp_path_factory.mktemp("raw")
    good = np.random.default_rng(0).integers(900, 4000, (HEIGHT, WIDTH)).astype(np.uint16)
    maps: dict[str, NDArray[Any]] = {
        "good": good,
        "half": good[::2, ::2],
        "zero": np.zeros_like(good),
        "eight": (good // 20).astype(np.uint8),
        "tiny": (good // 900).astype(np.uint16),
        "size": np.ascontiguousarray(good[:, :20]),
        "turned": np.ascontiguousarray(good.T),
    }
    arrays: dict[str, NDArray[Any]] = {
        "nan": np.where(good > 3000, np.nan, good / 1000),
        "metres": good / 1000,
        "negative": good / 1000 - 1,
        "far": good.astype(np.int32) * 50,
    }
    for name, values in maps.items():
        Image.fromarray(values).save(root / f"{name}.png")
    for name, values in arrays.items():
        np.save(root / f"{name}.npy", values)
    names = [f"{name}.png" for name in maps] + [f"{name}.npy" for name in arrays]
    for name in names:
        picture = Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
        picture.save(root / f"{Path(name).stem}.jpg")
    lines = [f"{Path(name).stem},{name}" for name in names]
    (root / "index.csv").write_text("\n".join(["name,depth", *lines]) + "\n")
    (root / "map.toml").write_text(MAPPING)
    return root


def pack(raw: Path, folder: Path, *settings: str, status: int = 0) -> str:
    options = [word for setting in settings for word in ("--set", setting)]
    command = ("polymodal-pack", "manifest", "--root", str(raw), "--out", "s")
    mapping = ("--set", f"mapping={raw / 'map.toml'}")
    done = run_app(*command, *mapping, *options, cwd=folder, status=status)
    return done.stdout + done.stderr


def bad_rows(folder: Path) -> dict[str, str]:
    """What is said of each bad map, by its name; every one of them names its column and file."""
    lines = (folder / "s" / "bad_rows.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    assert {item["column"] for item in found} == {"depth"}
    assert all(item["origin"].startswith("index.csv:") for item in found)
    return {Path(item["item"]).stem: item["message"] for item in found}


def test_every_way_to_be_bad_is_found_and_explained(raw: Path, tmp_path: Path) -> None:
    said = pack(raw, tmp_path)
    assert "9 bad rows were skipped" in said
    found = bad_rows(tmp_path)
    assert set(found) == {
        *("zero", "eight", "tiny", "size", "turned", "far", "nan", "metres", "negative"),
    }
    assert len(Store(tmp_path / "s").table) == 2
    for name in ("zero", "nan", "negative", "eight", "metres"):
        assert RANGE in found[name], name
    for name in ("eight", "metres", "tiny", "far"):
        assert UNIT in found[name], name
    assert "every depth is 0, so the map holds no reading at all" in found["zero"]
    assert "depths are NaN or infinite" in found["nan"]
    assert "depths are negative" in found["negative"]
    assert "8-bit depth (45 to 199) without a declared unit" in found["eight"]
    assert "floating-point depth" in found["metres"]
    assert "the farthest reading is 0.004 m" in found["tiny"]
    assert "outside the 0.01 m to 65.535 m" in found["far"]
    assert found["size"].startswith(
        "is 20 x 24 pixels, and the row has 'image' 32 x 24 pixels: they cannot show the same place"
    )
    assert "--set depth.registered=false" in found["size"]
    assert found["turned"].startswith("is 24 x 32 pixels")


def test_millimetres_declared_as_metres(raw: Path, tmp_path: Path) -> None:
    pack(raw, tmp_path, "depth.unit=m")
    found = bad_rows(tmp_path)
    assert 'with unit "m" the farthest reading is' in found["good"]
    assert UNIT in found["good"]
    assert 'the declared unit is "m"' in found["zero"]
    assert "metres" not in found


def test_a_unit_that_is_wrong_within_the_range_is_found_by_what_is_plausible(
    raw: Path, tmp_path: Path
) -> None:
    pack(raw, tmp_path, "depth.unit=cm", "depth.plausible=[0.3, 12]")
    message = bad_rows(tmp_path)["good"]
    assert 'with unit "cm" the median reading is 2' in message
    assert "outside the 0.3 m to 12 m that are plausible here" in message
    assert UNIT in message


def test_strict_stops_at_the_first(raw: Path, tmp_path: Path) -> None:
    command = ("polymodal-pack", "manifest", "--root", str(raw), "--out", "s", "--strict")
    mapping = ("--set", f"mapping={raw / 'map.toml'}")
    said = run_app(*command, *mapping, cwd=tmp_path, status=2).stderr
    assert "error: index.csv:4: column 'depth', item 'zero.png': zero.png: every depth is 0" in said
    assert not (tmp_path / "s").exists()


def test_cameras_that_differ_can_be_packed(raw: Path, tmp_path: Path) -> None:
    pack(raw, tmp_path, "depth.registered=false")
    assert not {"size", "turned"} & bad_rows(tmp_path).keys()


def test_a_wrong_range_of_what_is_plausible_is_refused(raw: Path, tmp_path: Path) -> None:
    said = pack(raw, tmp_path, "depth.plausible=[12, 0.3]", status=2)
    assert "depth.plausible: wanted two depths in metres, nearest < farthest" in said
