"""`polymodal-pack depth`, as a user runs it: fill missing depth in a store, into a new one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from polymodal_core.plugins import registry
from polymodal_datasets.grid import store_modalities
from polymodal_datasets.store import Store
from polymodal_depth.depth_network import DepthNetwork

from tests.apps import run_app
from tests.depth.networks import save_dpt

pytest.importorskip("transformers")
ROWS, TRUE = 8, 5
SLOPE, OFFSET = 0.2, 0.1
MAPPING = """
table = "index.csv"
split = "{split}"
[columns.image]
path = "{image}"
[columns.depth]
path = "{depth}"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and a store of eight pictures; five have depth that is the model's, scaled."""
    root = tmp_path_factory.mktemp("estimated")
    network = DepthNetwork(str(save_dpt(root / "model")))
    save_dpt(root / "metric", kind="metric")
    lines = ["image,depth,split"]
    for number in range(ROWS):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{number}.png")
        metres = 1 / (SLOPE * network(pixels).astype(np.float64) + OFFSET)
        Image.fromarray(np.rint(1000 * metres).astype(np.uint16)).save(root / f"d{number}.png")
        depth = f"d{number}.png" if number < TRUE else ""
        lines.append(f"{number}.png,{depth},{'train' if number < ROWS - 1 else 'test'}")
    (root / "index.csv").write_text("\n".join(lines) + "\n")
    (root / "map.toml").write_text(MAPPING)
    pack = ("polymodal-pack", "manifest", "--root", ".", "--out", "old")
    run_app(*pack, "--set", "mapping=map.toml", cwd=root)
    return root


def depth(folder: Path, *options: str, status: int = 0) -> str:
    done = run_app("polymodal-pack", "depth", *options, cwd=folder, status=status)
    return done.stdout if status == 0 else done.stderr


def test_gaps_are_filled_to_scale_with_confidence(folder: Path) -> None:
    said = depth(folder, "old", "--out", "new", "--model", "model")
    assert "new: 8 rows of 8 image, 8 depth, 3 depth_confidence" in said
    assert "depth of 3 rows was estimated from image by model; on 5 rows with true values" in said
    old, new = Store(folder / "old"), Store(folder / "new")
    source = json.loads((folder / "new" / "store.json").read_text())["source"]
    assert source["calibration"]["slope"] == pytest.approx(SLOPE, rel=1e-2)
    assert source["calibration"]["offset"] == pytest.approx(OFFSET, rel=1e-1)
    assert source["calibration"]["median_error"] < 0.01
    assert (source["filled"], source["fingerprint"]) == (3, old.fingerprint)
    assert new.read("image", range(ROWS)) == old.read("image", range(ROWS))
    assert new.read("depth", range(TRUE)) == old.read("depth", range(TRUE))
    modalities = store_modalities(new, registry())
    network = DepthNetwork(str(folder / "model"))
    for number in range(TRUE, ROWS):
        pixels = np.asarray(Image.open(folder / f"{number}.png"))
        one, other = network(pixels), network(pixels[:, ::-1])[:, ::-1]
        inverse = SLOPE * (one.astype(np.float64) + other) / 2 + OFFSET
        (payload,) = new.read("depth", [int(new.table.items["depth"][number])])
        found = modalities["depth"].decode(payload)
        scale = source["calibration"]
        metres = np.clip(1 / inverse, scale["nearest"], scale["farthest"])
        np.testing.assert_allclose(found[..., 0], 1000 * metres, rtol=0.02)
        (trusted,) = new.read("depth_confidence", [number - TRUE])
        grey = np.asarray(modalities["depth_confidence"].decode(trusted))[..., 0] / 255
        ends = [1 / (SLOPE * part.astype(np.float64) + OFFSET) for part in (one, other)]
        ends = [np.clip(part, scale["nearest"], scale["farthest"]) for part in ends]
        np.testing.assert_allclose(grey, np.minimum(*ends) / np.maximum(*ends), atol=0.02)
        assert grey.min() < 0.9
        # The map carries the same confidence that the picture beside it shows.
        np.testing.assert_array_equal(found[..., 1], np.rint(255 * grey))
    assert "sound" in run_app("polymodal-pack", "verify", "new", cwd=folder).stdout
    run_app("polymodal-pack", "show", "new", "--out", "rows.png", cwd=folder)


def test_a_model_without_a_scale_is_refused_where_no_row_gives_one(folder: Path) -> None:
    options = ("old", "--out", "x", "--model", "model", "--split", "test")
    assert "predicts nearness without a scale, and there is no true depth" in depth(
        folder, *options, status=2
    )
    assert not (folder / "x").exists()


def test_a_metric_model_needs_no_true_depth(folder: Path) -> None:
    said = depth(folder, "old", "--out", "metric_new", "--model", "metric", "--split", "test")
    assert "depth of 3 rows was estimated from image by metric. Confidence: depth_c" in said
