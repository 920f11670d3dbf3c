"""The run folder, and a model rebuilt from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
import torch
from polymodal_core.build_model import build_model
from polymodal_core.checkpoint import Checkpoint, save_checkpoint
from polymodal_core.config import EncoderConfig
from polymodal_core.errors import CheckpointError, PolymodalError, RecipeError, RunError
from polymodal_core.model import Model
from polymodal_core.plugins import Registry
from polymodal_core.recipe import load_recipe, write_toml
from polymodal_core.run import (
    RunFolder,
    fitted_modalities,
    load_trained,
    open_run,
    portable_encoders,
    write_states,
)

from tests.core.toys import NumberNet, toy_registry

REGISTRY = toy_registry()
TABLE: dict[str, Any] = {
    "embedding": {"dim": 5},
    "modalities": {"number": {}, "height": {"kind": "number"}, "width": {"share": "height"}},
    "training": {"of": "no interest here"},
}
STATES = {"number": {"mean": 1.0}, "height": {"mean": 2.0}}


def train(path: Path) -> tuple[RunFolder, Model]:
    run = RunFolder(path)
    run.path.mkdir(exist_ok=True)
    recipe = load_recipe(TABLE, registry=REGISTRY, sections={}, ignore_others=True)
    run.recipe.write_text(write_toml(recipe.table))
    model = build_model(recipe.columns, fitted_modalities(recipe, STATES), dim=5)
    for step in (20, 100):
        torch.nn.init.normal_(next(model.parameters()))
        state = {"step": step, "modalities": STATES}
        save_checkpoint(
            run.checkpoints / f"step-{step:08}", Checkpoint({"model": model.state_dict()}, state)
        )
    return run, model


def test_a_trained_model_is_rebuilt_from_its_folder(tmp_path: Path) -> None:
    _, model = train(tmp_path)
    trained = load_trained(open_run(tmp_path), registry=REGISTRY, sections={})
    assert not trained.model.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(trained.model.state_dict()[name], tensor), name
    assert {name: vars(item)["mean"] for name, item in trained.modalities.items()} == {
        "number": 1.0,
        "height": 2.0,
        "width": 2.0,
    }
    assert trained.checkpoint.state["step"] == 100
    assert list(trained.recipe.columns) == ["number", "height", "width"]


def test_the_best_checkpoint_comes_first_then_the_latest(tmp_path: Path) -> None:
    run, model = train(tmp_path)
    assert [path.name for path in run.steps()] == ["step-00000020", "step-00000100"]
    assert run.checkpoint().name == "step-00000100"
    save_checkpoint(run.checkpoints / "best", Checkpoint({"model": model.state_dict()}, {}))
    assert run.checkpoint().name == "best"
    assert run.checkpoint("step-00000020").name == "step-00000020"


def test_a_checkpoint_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    run, _ = train(tmp_path)
    (run.checkpoints / ".best.partial").mkdir()
    with pytest.raises(
        CheckpointError, match=r"no checkpoint 'last'; found: step-00000020, step-00000100$"
    ):
        run.checkpoint("last")
    with pytest.raises(CheckpointError, match="no checkpoint; found: none"):
        RunFolder(tmp_path / "empty").checkpoint()


def test_a_folder_without_a_recipe_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no run here \(recipe.toml is missing\)"):
        open_run(tmp_path)


def test_states_are_written_as_json(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    write_states(run, STATES)
    assert {path.stem: json.loads(path.read_text()) for path in run.modalities.iterdir()} == STATES


def test_a_recipe_may_stand_in_for_the_folders_own(tmp_path: Path) -> None:
    train(tmp_path)
    table = {**TABLE, "modalities": {**TABLE["modalities"], "number": {"jitter": 0.0}}}
    trained = load_trained(open_run(tmp_path), registry=REGISTRY, sections={}, table=table)
    assert vars(trained.modalities["number"])["jitter"] == 0.0


def test_a_column_that_was_not_trained_is_named(tmp_path: Path) -> None:
    train(tmp_path)
    table = {**TABLE, "modalities": {**TABLE["modalities"], "depth": {"kind": "number"}}}
    with pytest.raises(CheckpointError, match=r"nothing was learned for column depth .* height"):
        load_trained(open_run(tmp_path), registry=REGISTRY, sections={}, table=table)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    train(tmp_path)
    with pytest.raises(CheckpointError, match="does not fit this model"):
        load_trained(
            open_run(tmp_path),
            registry=REGISTRY,
            sections={},
            table={**TABLE, "embedding": {"dim": 6}},
        )


def test_a_missing_plugin_is_named(tmp_path: Path) -> None:
    train(tmp_path)
    with pytest.raises(RecipeError, match="no modality 'number' is installed") as caught:
        load_trained(open_run(tmp_path), registry=Registry(), sections={})
    assert isinstance(caught.value, PolymodalError)
    assert "recipe.toml" in str(caught.value)


def test_the_layout_of_a_run_folder() -> None:
    run = RunFolder(Path("runs/a"))
    paths = (
        run.recipe,
        run.modalities,
        run.metrics,
        run.tensorboard,
        run.checkpoints,
        run.environment,
    )
    assert [str(path) for path in paths] == [
        "runs/a/recipe.toml",
        "runs/a/modalities",
        "runs/a/metrics.jsonl",
        "runs/a/tensorboard",
        "runs/a/checkpoints",
        "runs/a/environment.json",
    ]


class PretrainedConfig(EncoderConfig):
    """An encoder whose weights lie in a file."""

    kind: Literal["from_file"] = "from_file"
    modality: ClassVar[str] = "number"
    path: str | None = None

    def portable(self) -> PretrainedConfig:
        return self.model_copy(update={"path": None})

    def build(self, *, width: int) -> NumberNet:
        if self.path is not None and not Path(self.path).is_file():
            raise PolymodalError(f"{self.path} is gone")
        return NumberNet(width, 4)


def test_a_run_outlives_the_files_that_its_weights_came_from(tmp_path: Path) -> None:
    registry = toy_registry()
    registry.add("encoder", PretrainedConfig, "toys")
    weights = tmp_path / "weights"
    weights.touch()
    encoder = {"kind": "from_file", "path": str(weights)}
    table = {"embedding": {"dim": 5}, "modalities": {"number": {"encoder": encoder}}}
    recipe = load_recipe(table, registry=registry, sections={})
    states = {"number": {"mean": 1.0}}
    model = build_model(recipe.columns, fitted_modalities(recipe, states), dim=5)
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    run.recipe.write_text(write_toml(recipe.table))
    state = {"modalities": states, "encoders": portable_encoders(recipe)}
    save_checkpoint(run.checkpoints / "best", Checkpoint({"model": model.state_dict()}, state))
    weights.unlink()

    trained = load_trained(run, registry=registry, sections={})
    for name, tensor in model.state_dict().items():
        assert torch.equal(trained.model.state_dict()[name], tensor), name
    assert f'path = "{weights}"' in run.recipe.read_text()  # what was used stays on record


def test_modalities_of_a_recipe_are_built_from_their_owners_state() -> None:
    table = {"modalities": TABLE["modalities"]}
    recipe = load_recipe(table, registry=REGISTRY, sections={})
    modalities = fitted_modalities(recipe, {"height": {"mean": 2.0}, "number": {"mean": 7.0}})
    means = {name: getattr(item, "mean", None) for name, item in modalities.items()}
    assert means == {"height": 2.0, "width": 2.0, "number": 7.0}
