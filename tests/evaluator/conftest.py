"""A small store of rooms, and a run folder made as a trainer makes it, around a random model."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from polymodal_core.build_model import build_model
from polymodal_core.checkpoint import Checkpoint, save_checkpoint
from polymodal_core.plugins import registry
from polymodal_core.recipe import load_recipe, write_toml
from polymodal_core.run import RunFolder, fitted_modalities, write_states
from polymodal_datasets.config import DataConfig
from polymodal_datasets.loading import fit_values
from polymodal_datasets.pack import pack
from polymodal_datasets.store import Store
from polymodal_eval.config import evaluation_config
from polymodal_evaluator.evaluate import Request, evaluate

COUNTS = {"train": 24, "validation": 8, "test": 16, "heldout": 16}
RECIPE: dict[str, Any] = {
    "seed": 3,
    "embedding": {"dim": 16},
    "modalities": {
        "image": {"size": 16, "encoder": {"kind": "convnet", "width": 8}},
        "text": {
            "vocabulary": 300,
            "length": 24,
            "encoder": {"kind": "transformer", "width": 16, "layers": 1},
        },
        "prototypes": {"encoder": {"kind": "mlp", "hidden": 16}},
    },
    "objective": {"kind": "of no interest to an evaluator"},
    "training": {"epochs": "nor is this"},
}


def make_store(path: Path, **options: Any) -> Path:
    importer = (
        registry()
        .importer("rooms")
        .model_validate(
            {**COUNTS, "size": 16, "captions": 2, "columns": list(RECIPE["modalities"]), **options}
        )
    )
    pack(importer.build(), path, registry=registry(), workers=1)
    return path


def make_run(path: Path, store: Path, *, seed: int = 0, **changes: Any) -> Path:
    table = {**RECIPE, "data": {"store": str(store)}, "evaluation": {"resamples": 50}, **changes}
    sections = {"data": DataConfig, "evaluation": evaluation_config(registry())}
    recipe = load_recipe(table, registry=registry(), sections=sections, ignore_others=True)
    opened = Store(store)
    rows = opened.rows_of("train")
    states = {}
    for name, column in recipe.columns.items():
        modality = column.modality.build()
        states[name] = modality.fit(fit_values(opened, [name], rows, modality))
    torch.manual_seed(seed)
    modalities = fitted_modalities(recipe, states)
    model = build_model(recipe.columns, modalities, dim=recipe.embedding.dim, fusion=recipe.fusion)
    if model.fusion is not None:  # whose exchange starts at nothing
        with torch.no_grad():
            for parameter in model.fusion.parameters():
                parameter.add_(0.1 * torch.randn(parameter.shape))
    run = RunFolder(path)
    state = {
        "step": 12,
        "epoch": 2,
        "modalities": states,
        "store": opened.fingerprint,
        "plugins": {"polymodal-image": version("polymodal-image")},
    }
    for step in ("step-00000006", "step-00000012"):
        save_checkpoint(run.checkpoints / step, Checkpoint({"model": model.state_dict()}, state))
    (run.checkpoints / "best").symlink_to("step-00000012")
    write_states(run, states)
    run.environment.write_text(
        json.dumps(
            {"seed": 3, "store": {"path": str(store.resolve()), "fingerprint": opened.fingerprint}}
        )
    )
    lines = [
        {"event": "step", "step": 6, "loss": 2.0},
        {"event": "validation", "step": 6, "mean": 0.2, "metrics": {"image->text r@1": 0.2}},
    ]
    run.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run.recipe.write_text(write_toml(recipe.table))
    return path


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("stores") / "rooms")


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "rooms", store)


@pytest.fixture
def run_folder(tmp_path: Path, pristine: Path) -> Path:
    """A run folder that the test may damage."""
    return Path(shutil.copytree(pristine, tmp_path / "rooms", symlinks=True))


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory, store: Path) -> list[Path]:
    """Reports of three models that differ by their weights, in one folder."""
    folder = tmp_path_factory.mktemp("reports")
    tasks = 'evaluation.tasks=[{kind="retrieval"}, {kind="zero_shot"}]'
    for seed in range(3):
        run = make_run(folder.parent / f"models{seed}" / "rooms", store, seed=seed)
        evaluate(Request(run, settings=(tasks,), out=folder / f"seed{seed}", quiet=True))
    return sorted(folder.iterdir())
