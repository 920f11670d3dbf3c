"""Training with a fusion: sides drawn by step, resumed bit for bit, and nothing that leaks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.batch import Batch, Features
from polymodal_core.checkpoint import load_checkpoint
from polymodal_core.errors import RunError
from polymodal_core.plugins import registry
from polymodal_core.rows import BadRow, Item, Row
from polymodal_core.run import RunFolder
from polymodal_datasets.item_features import ItemFeatures, split_features
from polymodal_datasets.loading import load_batches
from polymodal_trainer.resolve import read_recipe
from polymodal_trainer.run import run
from polymodal_trainer.start import Setup, build
from polymodal_trainer.step import draw_exchange, forward, train_step
from torch import nn

from tests.trainer.conftest import COLUMNS, Vectors, assert_same_run, lines, make_store
from tests.trainer.conftest import write_recipe as plain_recipe
from tests.trainer.forks import fork_run, steps_logged, wait_until

FUSION = """[fusion]
kind = "multi_stream"
width = 16
heads = 2
layers = 1
shared_layers = 1
dropout = 0.1
[training]"""
OUT = Path("out")


@pytest.fixture
def fused(tmp_path: Path, store: Path) -> Path:
    return write_recipe(tmp_path, store)


def write_recipe(folder: Path, store: Path) -> Path:
    return plain_recipe(folder / "fused.toml", store, changes={"[training]": FUSION})


def setup(recipe: Path, *settings: str) -> Setup:
    resolved = read_recipe(recipe, settings, registry=registry())
    return build(resolved, registry=registry(), source=str(recipe))


def train(recipe: Path, *settings: str, out: Path = OUT, resume: bool = False) -> int:
    return run(str(recipe), settings=settings, out=out, resume=resume, quiet=True)


def test_a_step_compares_columns_of_different_sides_alone(fused: Path) -> None:
    assert train(fused, "training.epochs=8", "data.modality_dropout=0.1") == 0
    parts = [frozenset(step["parts"]) for step in lines(OUT, "step")]
    assert {len(found) for found in parts} == {2, 3}
    assert set().union(*parts) == {"left-middle", "left-right", "middle-right"}
    assert len(set(parts)) == 4  # three splits, and every column a side of its own
    losses = [epoch["loss"] for epoch in lines(OUT, "epoch")]
    assert losses[-1] < losses[0]


def test_a_killed_run_is_resumed_to_the_last_bit(fused: Path) -> None:
    train(fused, out=Path("unbroken"))
    child = fork_run(fused, Path("broken"))
    wait_until(lambda: steps_logged(Path("broken")) >= 8, child)
    child.kill()
    child.join()
    assert train(Path("broken"), out=Path("broken"), resume=True) == 0
    assert_same_run(Path("unbroken"), Path("broken"))


def test_fusion_false_is_no_fusion(fused: Path, recipe: Path) -> None:
    train(fused, "fusion=false", "training.epochs=1", out=Path("one"))
    train(recipe, "training.epochs=1", out=Path("two"))
    assert_same_run(Path("one"), Path("two"))


def test_the_draw_depends_on_seed_and_step_and_splits_what_is_compared(fused: Path) -> None:
    built = setup(fused, 'objective.pairs=[["left", "right"], ["left", "middle", 0.0]]')
    drawn = [draw_exchange(built, step) for step in range(60)]
    assert drawn == [draw_exchange(built, step) for step in range(60)]
    assert len(set(drawn)) == 3
    for exchange in drawn:
        assert exchange is not None
        assert {"left", "right"} in [set(pair) for pair in exchange.compare or ()]
    other = setup(fused, "seed=4", 'objective.pairs=[["left", "right"]]')
    assert drawn != [draw_exchange(other, step) for step in range(60)]


def test_parameters_of_the_fusion_are_trained_and_told(
    fused: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(str(fused), settings=["training.epochs=1"], out=OUT, resume=False, quiet=False)
    assert "fusion multi_stream: " in capsys.readouterr().out
    steps = [load_checkpoint(path).tensors["model"] for path in RunFolder(OUT).steps()]
    fusion = [name for name in steps[-1] if name.startswith("fusion.")]
    assert fusion
    built = setup(fused)
    heads = {id(item) for item in built.model.parameter_groups()["heads"]}
    assert all(id(item) in heads for item in built.model.fusion.parameters())  # type: ignore[union-attr]


def test_the_printed_form_warns(fused: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["fusion.exchange=all", "training.epochs=1"]
    run(str(fused), settings=settings, out=OUT, resume=False, quiet=True)
    assert "fingerprint" in " ".join(capsys.readouterr().out.split())


FROZEN = """encoder = { kind = "mlp", hidden = 16, dropout = 0.2, tuning = "frozen" }"""


def test_cached_features_train_the_same_fusion(tmp_path: Path, store: Path) -> None:
    # Vectors are not augmented, so that running the encoders anew must give the same.
    old = 'encoder = { kind = "mlp", hidden = 16, dropout = 0.2 }'
    recipe = plain_recipe(
        tmp_path / "frozen.toml", store, changes={"[training]": FUSION, old: FROZEN}
    )
    train(recipe, out=Path("anew"))
    train(recipe, "training.cache_features=true", out=Path("cached"))
    train(recipe, "training.cache_features=true", "fusion=false", out=Path("towers"))
    losses = [[step["loss"] for step in lines(Path(out), "step")] for out in ("anew", "cached")]
    assert len(losses[0]) > 20
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)


@pytest.mark.parametrize("kind", ["concatenation", "multi_stream"])
def test_tokens_are_cached_for_a_fusion_that_reads_them(
    tmp_path: Path, store: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    split = split_features

    def watched(features: Features, *, tokens: bool) -> list[ItemFeatures]:
        asked.append(tokens)
        return split(features, tokens=tokens)

    monkeypatch.setattr("polymodal_datasets.frozen_features.split_features", watched)
    old = 'encoder = { kind = "mlp", hidden = 16, dropout = 0.2 }'
    fusion = f'[fusion]\nkind = "{kind}"\nwidth = 16\n[training]'
    if kind == "multi_stream":
        fusion = FUSION
    # A store of its own: beside the shared one features may lie already.
    own = shutil.copytree(store, tmp_path / "own")
    recipe = plain_recipe(
        tmp_path / "frozen.toml", own, changes={"[training]": fusion, old: FROZEN}
    )
    train(recipe, "training.cache_features=true", "training.epochs=1")
    assert set(asked) == {kind == "multi_stream"}


class Blind(nn.Module):
    """An objective that knows nothing of fusion."""

    def forward(self, embeddings: Any, *, present: Any = None, groups: Any = None) -> Any:
        raise AssertionError


def test_an_objective_that_cannot_leave_pairs_out_is_refused(
    fused: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from polymodal_losses.config import PCMCConfig

    monkeypatch.setattr(PCMCConfig, "build", lambda self: Blind())
    with pytest.raises(RunError, match="Blind cannot train with a fusion"):
        setup(fused)


@dataclass
class Noise(Vectors):
    """Rows whose columns have nothing to do with each other."""

    def rows(self) -> Iterator[Row | BadRow]:
        rng = np.random.default_rng(0)
        for split, count in self.counts.items():
            for number in range(count):
                items = {
                    name: Item(f"{split}{name}{number}", rng.normal(size=8).astype(np.float32))
                    for name in COLUMNS
                }
                yield Row(items, instance=f"{split}{number}", split=split)


def recall(built: Setup, batch: Batch) -> float:
    """R@1 of unseen rows, under the sides of training, mean over eight draws."""
    built.model.eval()
    found = []
    right = torch.arange(batch.size)
    with torch.no_grad():
        for step in range(8):
            embeddings, _ = forward(built, batch, step)
            pair = ("left", "middle")
            if embeddings.compare is None or pair in embeddings.compare:
                a, b = pair
                scores = embeddings.z[a] @ embeddings.z[b].T
                found += [scores.argmax(dim=dim).eq(right).float().mean().item() for dim in (0, 1)]
    return float(np.mean(found))


def test_independent_noise_stays_at_chance_unless_columns_see_what_they_are_compared_with(
    tmp_path: Path,
) -> None:
    # Of the kinds, the one that learns to copy fastest; tests/fusion has them all.
    counts = {"train": 400, "validation": 128}
    recipe = write_recipe(tmp_path, make_store(tmp_path / "noise", Noise(counts=counts)))
    changes = [
        "data.batch_size=64",
        'objective.pairs=[["left", "middle"]]',
        'fusion={kind="concatenation", width=16}',
    ]
    found = {}
    for exchange in ("sides", "all"):
        built = setup(recipe, *changes, f"fusion.exchange={exchange}")
        for group in built.optimizer.param_groups:
            group["lr"] = 1e-2
        step = 0
        for epoch in range(12):
            for batch in load(built, built.splits.train, 64, epoch=epoch, training=True):
                train_step(built, batch, step)
                step += 1
        (unseen,) = load(built, built.splits.validation, 128)
        found[exchange] = recall(built, unseen)
    assert found["sides"] < 0.05  # chance: 0.008
    assert found["all"] > 0.2


def load(built: Setup, rows: Any, size: int, *, epoch: int = 0, training: bool = False) -> Any:
    return load_batches(
        built.store,
        rows,
        built.modalities,
        batch_size=size,
        seed=0,
        epoch=epoch,
        training=training,
    )


def test_the_shipped_recipe_trains_on_a_tiny_store_and_is_resumed(tmp_path: Path) -> None:
    options = {"train": 16, "validation": 6, "test": 2, "heldout": 2, "size": 32, "captions": 1}
    columns = ["image", "text", "depth"]
    importer = registry().importer("rooms").model_validate({**options, "columns": columns})
    make_store(tmp_path / "rooms", importer.build())
    settings = [
        f"data.store={tmp_path / 'rooms'}",
        "data.batch_size=4",
        "modalities.image.size=32",
        "modalities.depth.size=32",
        "training.epochs=1",
        "training.checkpoint_every=2",
        "training.keep=9",
        "training.threads=1",
    ]
    assert run("rooms_fusion", settings=settings, out=OUT, resume=False, quiet=True) == 0
    steps = lines(OUT, "step")
    assert len(steps) == 4
    assert all(set(step["auxiliary"]) == {"depth"} for step in steps)
    # From the middle of the epoch: the last checkpoint goes, and what follows is the same again.
    shutil.copytree(OUT, Path("again"), symlinks=True)
    last = RunFolder(Path("again")).steps()[-1]
    (RunFolder(Path("again")).checkpoints / "best").unlink()
    shutil.rmtree(last)
    assert train(Path("again"), out=Path("again"), resume=True) == 0
    assert_same_run(OUT, Path("again"))
