"""Opening a trained run, and the store that it is to be evaluated on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from polymodal_core.errors import CheckpointError, StoreError
from polymodal_core.plugins import Registry
from polymodal_core.recipe import override, read_toml
from polymodal_core.run import RunFolder, TrainedModel, load_trained, open_run
from polymodal_datasets.config import DataConfig
from polymodal_datasets.store import Store
from polymodal_eval.config import EvaluationConfig, evaluation_config

Table = dict[str, Any]


@dataclass(frozen=True)
class Opened:
    """A run ready to be evaluated; `warnings` are what the user should know about it."""

    run: RunFolder
    checkpoint: str
    trained: TrainedModel
    store: Store
    data: DataConfig
    evaluation: EvaluationConfig
    environment: Table
    warnings: tuple[str, ...]

    @property
    def seed(self) -> int:
        """Seed of the training run, which also cut its validation split."""
        return int(self.trained.recipe.table.get("seed", 0))


def open_for_evaluation(
    folder: Path,
    *,
    settings: Sequence[str],
    checkpoint: str | None,
    registry: Registry,
    evaluation: Mapping[str, Any] | None = None,
) -> Opened:
    """Load a run's model and find its store.

    `evaluation` replaces that section of the recipe, before the `--set` settings. Only the sections
    data, embedding, modalities, fusion and evaluation of the recipe are validated.
    Raises PolymodalError for a folder that is no run, a checkpoint that does not fit or is not
    there, a missing plug-in, a store that has moved or lacks a column.
    """
    run = open_run(folder)
    environment = _environment(run)
    table = read_toml(run.recipe)
    if evaluation is not None:
        table = {**table, "evaluation": dict(evaluation)}
    table = _found_store(override(table, settings), settings, environment)
    trained = load_trained(
        run,
        registry=registry,
        sections={"data": DataConfig, "evaluation": evaluation_config(registry)},
        checkpoint=checkpoint,
        table=table,
    )
    data: DataConfig = trained.recipe.sections["data"]
    store = _store(data.store)
    _check_columns(store, trained)
    state = trained.checkpoint.state
    return Opened(
        run,
        run.checkpoint(checkpoint).name,
        trained,
        store,
        data,
        trained.recipe.sections["evaluation"],
        environment,
        (
            *(() if trained.recipe.fusion is None else trained.recipe.fusion.caveats()),
            *_store_warnings(store, state.get("store")),
            *_version_warnings(state.get("plugins")),
        ),
    )


def installed(distribution: str) -> str:
    """Give a distribution's version, `absent` where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "absent"


def _environment(run: RunFolder) -> Table:
    try:
        found: Table = json.loads(run.environment.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise CheckpointError(f"{run.environment} is damaged: {error}") from None
    return found


def _found_store(table: Table, settings: Sequence[str], environment: Table) -> Table:
    # A recipe often names the store relative to where training was started; the run remembers
    # where that was.
    data = table.get("data")
    recorded = (environment.get("store") or {}).get("path")
    chosen = any(setting.partition("=")[0].strip() == "data.store" for setting in settings)
    if isinstance(data, dict) and not chosen and recorded is not None:
        given = data.get("store")
        if isinstance(given, str) and not Path(given).is_dir() and Path(recorded).is_dir():
            return {**table, "data": {**data, "store": recorded}}
    return table


def _store(path: Path) -> Store:
    try:
        return Store(path)
    except StoreError as error:
        raise StoreError(f"{error}. If the store has moved, say --set data.store=FOLDER") from None


def _check_columns(store: Store, trained: TrainedModel) -> None:
    recipe = trained.recipe
    kinds = {name: column.modality.kind for name, column in recipe.columns.items()}
    for name, kind in kinds.items():
        stored = store.column(name)
        if stored.kind != kind:
            raise StoreError(
                f"{store.path}: column '{name}' is of kind '{stored.kind}'; the model was trained "
                f"on '{kind}'. Give a store of the same columns with "
                f"--set data.store=FOLDER; tasks run on one of other columns by their key `store`"
            )


def _store_warnings(store: Store, trained_on: str | None) -> list[str]:
    if trained_on is None or trained_on == store.fingerprint:
        return []
    return [
        f"the store {store.path} is not the one that the run was trained on (checksum "
        f"{store.fingerprint}, was {trained_on}): its splits may overlap with training"
    ]


def _version_warnings(plugins: Table | None) -> list[str]:
    changed = [
        f"{name} {was} → {installed(name)}"
        for name, was in sorted((plugins or {}).items())
        if installed(name) != was
    ]
    if not changed:
        return []
    return [f"the run was trained with other versions of its packages: {', '.join(changed)}"]
