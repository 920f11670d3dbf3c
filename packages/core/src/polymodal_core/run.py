"""The run folder: where a training run keeps its recipe, state, checkpoints and reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polymodal_core.checkpoint import Checkpoint, load_checkpoint, load_weights
from polymodal_core.errors import CheckpointError, RunError
from polymodal_core.recipe import Recipe, load_recipe, read_toml

if TYPE_CHECKING:
    from polymodal_core.model import Model
    from polymodal_core.plugins import Registry
    from polymodal_core.protocols import Modality, State


@dataclass(frozen=True)
class RunFolder:
    """The layout of one run's folder."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The resolved recipe; its presence makes the folder a run."""
        return self.path / "recipe.toml"

    @property
    def modalities(self) -> Path:
        """Fitted state, one JSON file per column that owns an encoder."""
        return self.path / "modalities"

    @property
    def metrics(self) -> Path:
        """One JSON object per line: training steps and validation epochs."""
        return self.path / "metrics.jsonl"

    @property
    def tensorboard(self) -> Path:
        """Event files."""
        return self.path / "tensorboard"

    @property
    def checkpoints(self) -> Path:
        """Checkpoint folders: `step-00000120`, and `best`."""
        return self.path / "checkpoints"

    @property
    def environment(self) -> Path:
        """Versions, plug-ins, git commit, seed, store checksum."""
        return self.path / "environment.json"

    def steps(self) -> list[Path]:
        """List the complete step checkpoints, oldest first."""
        return sorted(self.checkpoints.glob("step-*"))

    def checkpoint(self, name: str | None = None) -> Path:
        """Give the checkpoint `name`, by default `best`, else the latest step.

        Raises CheckpointError where there is none.
        """
        best = self.checkpoints / "best"
        candidates = [self.checkpoints / name] if name is not None else [best, *self.steps()[::-1]]
        for candidate in candidates:
            if candidate.is_dir():
                return candidate
        found = ", ".join(sorted(item.name for item in self.checkpoints.glob("[!.]*"))) or "none"
        raise CheckpointError(
            f"{self.path}: no checkpoint{f' {name!r}' if name is not None else ''}; found: {found}"
        )


@dataclass(frozen=True)
class TrainedModel:
    """A model with its weights, the fitted modalities it reads, and the recipe it came from."""

    model: Model
    modalities: Mapping[str, Modality]
    recipe: Recipe
    checkpoint: Checkpoint


def open_run(path: Path) -> RunFolder:
    """Give a run's folder; raises RunError where `path` is none."""
    run = RunFolder(path)
    if not run.recipe.is_file():
        raise RunError(f"{path}: no run here ({run.recipe.name} is missing)")
    return run


def fitted_modalities(recipe: Recipe, states: Mapping[str, State]) -> dict[str, Modality]:
    """Build every column's modality from the state that its owner's `fit` learned, and targets'.

    Raises CheckpointError for a column that the states do not know.
    """
    owners = {column.owner for column in recipe.columns.values()} | recipe.targets.keys()
    missing = sorted(owners - states.keys())
    if missing:
        raise CheckpointError(
            f"nothing was learned for column{'s' if len(missing) > 1 else ''} "
            f"{', '.join(missing)} when this run was trained; its columns: {', '.join(states)}"
        )
    inputs = {
        name: column.modality.build(states[column.owner]) for name, column in recipe.columns.items()
    }
    return inputs | {name: kind.build(states[name]) for name, kind in recipe.targets.items()}


def write_states(run: RunFolder, states: Mapping[str, State]) -> None:
    """Write the fitted state of every owner as JSON."""
    run.modalities.mkdir(parents=True, exist_ok=True)
    for name, state in states.items():
        (run.modalities / f"{name}.json").write_text(json.dumps(state), encoding="utf-8")


def load_trained(
    run: RunFolder,
    *,
    registry: Registry,
    sections: Mapping[str, Any],
    checkpoint: str | None = None,
    table: dict[str, Any] | None = None,
) -> TrainedModel:
    """Rebuild a run's model; of its recipe, columns, fusion and `sections` alone are validated.

    `table` replaces the recipe of the run folder (the evaluator's `--set`). Encoders are built as
    the checkpoint keeps them, without the files that pretrained weights came from. Raises
    PolymodalError where plug-ins are missing or the weights do not fit.
    """
    from polymodal_core.build_model import build_model

    path = run.checkpoint(checkpoint)
    loaded = load_checkpoint(path)
    given = read_toml(run.recipe) if table is None else table
    recipe = load_recipe(
        _with_encoders(given, loaded.state.get("encoders", {})),
        registry=registry,
        sections=sections,
        ignore_others=True,
        source=str(run.recipe),
    )
    modalities = fitted_modalities(recipe, loaded.state.get("modalities", {}))
    model = build_model(recipe.columns, modalities, dim=recipe.embedding.dim, fusion=recipe.fusion)
    load_weights(model, loaded.tensors.get("model", {}), source=str(path))
    return TrainedModel(model.eval(), modalities, recipe, loaded)


def portable_encoders(recipe: Recipe) -> dict[str, Any]:
    """Give every owner's encoder as a checkpoint keeps it: a table that needs no other file."""
    return {
        name: column.encoder.portable().model_dump(mode="json", exclude_none=True)
        for name, column in recipe.columns.items()
        if column.share is None
    }


def _with_encoders(table: dict[str, Any], encoders: Mapping[str, Any]) -> dict[str, Any]:
    columns = {
        name: {**column, "encoder": encoders[name]} if name in encoders else column
        for name, column in table.get("modalities", {}).items()
    }
    return {**table, "modalities": columns} if columns else table
