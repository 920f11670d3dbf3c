"""Estimated depth in training: its confidence masks pixels, weighs the loss, leaves values out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from polymodal_core.plugins import registry
from polymodal_datasets.loading import load_batches
from polymodal_datasets.pack import pack
from polymodal_datasets.store import Store
from polymodal_depth.confidence import decode_confidence
from polymodal_evaluator.evaluate import Request as Evaluation
from polymodal_evaluator.evaluate import evaluate
from polymodal_packer.estimation import Request, run_estimation, settings_of
from polymodal_trainer.resolve import read_recipe
from polymodal_trainer.run import run
from polymodal_trainer.start import Setup, build
from polymodal_trainer.step import forward, seed_step

from tests.depth.networks import save_dpt

pytest.importorskip("transformers")
TRAIN, TRUE, OTHERS = 24, 12, 8
MAPPING = """
table = "index.csv"
split = "{split}"
[columns.image]
path = "{image}"
[columns.depth]
path = "{depth}"
"""
RECIPE = """
[data]
store = "{store}"
batch_size = 24
[embedding]
dim = 8
[modalities.image]
size = 16
encoder = {{ kind = "convnet", width = 4 }}
[modalities.depth]
size = 16
encoder = {{ kind = "convnet", width = 4, refinement = 0.5 }}
[objective]
kind = "infonce"
[training]
epochs = 2
device = "cpu"
threads = 1
[evaluation]
split = "validation"
[[evaluation.tasks]]
kind = "retrieval"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which half of the training rows lack depth, that store filled, and recipes."""
    root = tmp_path_factory.mktemp("confident")
    save_dpt(root / "model", kind="metric")
    lines = ["image,depth,split"]
    rng = np.random.default_rng(0)
    for number in range(TRAIN + OTHERS):
        pixels = rng.integers(0, 256, (24, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{number}.png")
        metres = 1 + 4 * pixels[..., 0].astype(np.float64) / 255
        Image.fromarray(np.rint(1000 * metres).astype(np.uint16)).save(root / f"d{number}.png")
        missing = TRUE <= number < TRAIN
        split = "train" if number < TRAIN else "validation"
        lines.append(f"{number}.png,{'' if missing else f'd{number}.png'},{split}")
    (root / "index.csv").write_text("\n".join(lines) + "\n")
    (root / "map.toml").write_text(MAPPING)
    options = {"root": str(root), "mapping": str(root / "map.toml")}
    importer = registry().importer("manifest").model_validate(options).build()
    pack(importer, root / "old", registry=registry(), workers=1)
    request = Request(root / "old", root / "new", "depth", settings_of(str(root / "model"), ()))
    run_estimation(request, strict=True, workers=1, restart=False)
    for name in ("old", "new"):
        (root / f"{name}.toml").write_text(RECIPE.format(store=root / name))
    return root


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def setup(name: str, *settings: str) -> Setup:
    recipe = read_recipe(Path(f"{name}.toml"), settings, registry=registry())
    return build(recipe, registry=registry(), source=name)


def first_batch(built: Setup) -> Any:
    (batch,) = load_batches(
        built.store,
        built.splits.train,
        built.modalities,
        batch_size=TRAIN,
        seed=0,
        epoch=0,
    )
    return batch


def loss_of(built: Setup, batch: Any) -> tuple[float, float]:
    """Loss of the objective, and of the refinement head."""
    seed_step(0, 1)
    embeddings, output = forward(built, batch, 1)
    return output.total.item(), embeddings.auxiliary["depth"].item()


def confidences() -> list[NDArray[np.uint8]]:
    store = Store("new")
    found = [decode_confidence(item) for item in store.read("depth", range(TRAIN + OTHERS))]
    return [item for item in found if item is not None]


def test_an_estimate_below_the_minimum_has_no_effect_on_the_loss_of_a_batch() -> None:
    none_pass = ("modalities.depth.min_confidence=1.0", "modalities.depth.min_share=1.0")
    old, new = setup("old"), setup("new", *none_pass)
    first, second = first_batch(old), first_batch(new)
    assert len(first.rows["depth"]) == TRUE
    assert torch.equal(first.rows["depth"], second.rows["depth"])
    assert torch.equal(first.inputs["depth"], second.inputs["depth"])
    assert loss_of(old, first) == loss_of(new, second)
    # At face value, the estimates are in the loss.
    plain = setup("new")
    assert len(first_batch(plain).rows["depth"]) == TRAIN
    assert loss_of(plain, first_batch(plain))[0] != loss_of(old, first)[0]


def test_of_estimates_those_above_the_minimum_stay_with_their_confidence() -> None:
    every = confidences()
    assert len(every) == TRAIN - TRUE
    threshold = 0.6
    shares = np.array([(item >= 255 * threshold).mean() for item in every])
    least = float(np.median(shares))
    built = setup(
        "new",
        f"modalities.depth.min_confidence={threshold}",
        f"modalities.depth.min_share={least}",
    )
    batch = first_batch(built)
    expected = TRUE + int((shares >= least).sum())
    assert TRUE < len(batch.rows["depth"]) == expected < TRAIN
    validity = batch.inputs["depth"][:, 1]
    measured = batch.index[batch.rows["depth"]] < TRUE
    assert validity[measured].min() == 1
    estimated = validity[~measured]
    assert (estimated == 0).any()
    assert ((estimated > 0) & (estimated < 1)).any()
    assert estimated[estimated > 0].min() >= threshold - 1e-6
    assert all(np.isfinite(loss_of(built, batch)))
    # An evaluation sees the masks, and leaves nothing out.
    (seen,) = load_batches(
        built.store,
        built.splits.train,
        built.modalities,
        batch_size=TRAIN,
        seed=0,
        epoch=0,
        training=False,
    )
    assert len(seen.rows["depth"]) == TRAIN


def test_it_trains_and_is_evaluated() -> None:
    settings = ("modalities.depth.min_confidence=0.3", "modalities.depth.occlusion=0.3")
    out = Path("run")
    assert run("new.toml", settings=settings, out=out, resume=False, quiet=True) == 0
    steps = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    losses = [line["auxiliary"]["depth"] for line in steps if "auxiliary" in line]
    assert len(losses) == 2
    assert all(0 < loss < 1 for loss in losses)
    evaluate(Evaluation(out, quiet=True))
    assert json.loads((out / "report.json").read_text())["tasks"]
