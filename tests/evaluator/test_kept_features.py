"""Evaluations of runs that were trained on cached features."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.model import Model
from polymodal_core.recipe import write_toml
from polymodal_datasets.frozen_features import feature_path
from polymodal_evaluator.evaluate import Request, evaluate
from polymodal_trainer.run import run as train

from .conftest import RECIPE


@pytest.fixture
def trained(tmp_path: Path, store: Path) -> Path:
    frozen = {"kind": "convnet", "width": 8, "tuning": "frozen"}
    table: dict[str, Any] = {
        **RECIPE,
        "modalities": {**RECIPE["modalities"], "image": {"size": 16, "encoder": frozen}},
        "data": {"store": str(store), "batch_size": 8},
        "objective": {"kind": "pcmc"},
        "training": {"epochs": 1, "cache_features": True, "device": "cpu"},
        "evaluation": {"resamples": 20, "tasks": [{"kind": "retrieval"}]},
    }
    recipe = tmp_path / "frozen.toml"
    recipe.write_text(write_toml(table))
    out = tmp_path / "run"
    assert train(str(recipe), settings=(), out=out, resume=False, quiet=True) == 0
    return out


def measured(run: Path, out: Path, *settings: str) -> Any:
    evaluate(Request(run, settings=settings, out=out, quiet=True))
    report = json.loads((out / "report.json").read_text())
    return [item["estimates"] for task in report["tasks"] for item in task["measurements"]]


def test_an_evaluation_finds_what_training_kept(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validation = "evaluation.split=validation"
    live = measured(trained, tmp_path / "live", validation, "training.cache_features=false")

    def computed(*_: Any) -> None:
        raise AssertionError("features of validation rows are computed again")

    monkeypatch.setattr(Model, "frozen_features", computed)
    assert measured(trained, tmp_path / "kept", validation) == live
    with pytest.raises(AssertionError, match="computed again"):
        measured(trained, tmp_path / "test")


def test_an_evaluation_keeps_what_it_computes(
    trained: Path, tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = measured(trained, tmp_path / "first")
    monkeypatch.delattr(Model, "frozen_features")
    assert measured(trained, tmp_path / "second") == first
    assert feature_path(store).is_dir()
