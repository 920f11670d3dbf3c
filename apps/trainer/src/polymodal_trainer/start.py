"""From a validated recipe to everything that training needs; nothing is written here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import torch
from polymodal_core.build_model import build_model
from polymodal_core.errors import RecipeError, RunError
from polymodal_core.model import Model
from polymodal_core.objective import takes
from polymodal_core.plugins import Registry
from polymodal_core.protocols import Modality, State
from polymodal_core.recipe import Recipe
from polymodal_core.run import fitted_modalities, portable_encoders
from polymodal_core.token_maps import map_widths
from polymodal_datasets.loading import num_batches
from polymodal_datasets.neighbours import check_search
from polymodal_datasets.splits import Splits, make_splits
from polymodal_datasets.store import Store
from torch import nn

from polymodal_trainer.coverage import (
    check_columns,
    check_pairs,
    check_predicted,
    check_training_rows,
    pair_name,
    rows_with_pairs,
)
from polymodal_trainer.environment import parameter_counts, plugin_versions
from polymodal_trainer.fitting import fit_states
from polymodal_trainer.gradient_caching import check_chunks
from polymodal_trainer.precision import Precision, choose_precision
from polymodal_trainer.stages import Stage, enter_stage, stages_of

if TYPE_CHECKING:
    from polymodal_core.config import ObjectiveConfig
    from polymodal_datasets.config import DataConfig

    from polymodal_trainer.config import TrainingConfig
    from polymodal_trainer.teachers import Teacher


@dataclass
class Setup:
    """Everything that a run is made of, built and checked.

    `pair_rows` counts the training rows that have both columns of each compared pair; `encoders`
    are the portable tables that checkpoints keep, `given` is what the objective was built from
    beside its options. `parameters` are the counts by column. What `stage_number` and `optimizer`
    are changes from stage to stage (`enter_stage`). `teachers` are what an objective learns
    from.
    """

    recipe: Recipe
    store: Store
    splits: Splits
    states: Mapping[str, State]
    modalities: Mapping[str, Modality]
    model: Model
    objective: nn.Module
    precision: Precision
    steps_per_epoch: int
    pair_rows: dict[str, int]
    versions: dict[str, str]
    encoders: dict[str, Any]
    given: dict[str, Any]
    stages: tuple[Stage, ...]
    parameters: dict[str, dict[str, int]]
    teachers: Mapping[str, Teacher] = field(default_factory=dict)
    stage_number: int = 0
    optimizer: torch.optim.Optimizer = field(init=False)

    def __post_init__(self) -> None:
        """Enter the stage."""
        enter_stage(self, self.stage_number)

    @property
    def seed(self) -> int:
        """The recipe's seed."""
        return int(self.recipe.table["seed"])

    @property
    def data(self) -> DataConfig:
        """The recipe's `[data]`."""
        return cast("DataConfig", self.recipe.sections["data"])

    @property
    def stage(self) -> Stage:
        """The stage that the run is in."""
        return self.stages[self.stage_number]

    @property
    def training(self) -> TrainingConfig:
        """The recipe's `[training]`, as the stage changes it."""
        return self.stage.training

    @property
    def stage_steps(self) -> int:
        """Steps of the stage, unless it stops early."""
        return self.steps_per_epoch * self.training.epochs

    @cached_property
    def total_epochs(self) -> int:
        """Epochs of the whole run, unless a stage stops early."""
        return sum(stage.training.epochs for stage in self.stages)

    @cached_property
    def total_steps(self) -> int:
        """Steps of the whole run, unless a stage stops early."""
        return self.steps_per_epoch * self.total_epochs


def build(
    recipe: Recipe,
    *,
    registry: Registry,
    source: str,
    states: Mapping[str, State] | None = None,
    fitting: Callable[[str], None] = lambda _: None,
) -> Setup:
    """Open the store, cut the splits, fit the modalities, build model, objective and optimiser.

    `states` are what the modalities learned when the run began, where it is resumed; `fitting`
    hears the owner's name for every value that a fit reads. Raises PolymodalError for whatever
    does not go together.
    """
    data: DataConfig = recipe.sections["data"]
    training: TrainingConfig = recipe.sections["training"]
    objective_config: ObjectiveConfig = recipe.sections["objective"]
    seed = int(recipe.table["seed"])
    if data.hard is not None:
        check_search(data.hard.search)
    precision = choose_precision(training)
    store = Store(data.store)
    try:
        check_columns(recipe, store)
        check_predicted(recipe)
        splits = make_splits(store, data, seed)
        needed = [*recipe.columns, *recipe.targets]
        check_training_rows(store.table, needed, splits.train, data.train)
    except RecipeError as error:
        raise RecipeError(error.problems, source=source) from None
    pair_rows = rows_with_pairs(store.table, list(recipe.columns), objective_config, splits.train)
    check_pairs(pair_rows)
    steps = _steps_per_epoch(splits, data)
    if states is None:
        states = fit_states(recipe, store, splits.train, advance=fitting)
    modalities = fitted_modalities(recipe, states)
    torch.manual_seed(seed)
    model = build_model(
        recipe.columns, modalities, dim=recipe.embedding.dim, fusion=recipe.fusion
    ).to(precision.device)
    if training.cache_features and not model.frozen:
        adapted = ", ".join(sorted(model.adapted))
        raise RunError(
            "training.cache_features = true needs an encoder whose features stay the same; "
            + (f"with LoRA those of {adapted} change in every step; " if adapted else "")
            + 'set tuning = "frozen" for one, or leave the key out'
        )
    if training.chunk_size is not None:
        check_chunks(model.train())
    given = objective_inputs(recipe, store, modalities, model)
    objective = cast("nn.Module", objective_config.build(**given)).to(precision.device)
    if model.fusion is not None:
        check_fusion(objective)
    setup = Setup(
        recipe=recipe,
        store=store,
        splits=splits,
        states=states,
        modalities=modalities,
        model=model.train(),
        objective=objective.train(),
        precision=precision,
        steps_per_epoch=steps,
        pair_rows=pair_rows,
        versions=plugin_versions(registry),
        encoders=portable_encoders(recipe),
        given=given,
        stages=stages_of(recipe),
        parameters=parameter_counts(model),
    )
    check_stages(setup, objective_config)
    return setup


def objective_inputs(
    recipe: Recipe, store: Store, modalities: Mapping[str, Modality], model: Model
) -> dict[str, Any]:
    """Give what the recipe's objective needs beside its options (`ObjectiveConfig.needs`)."""
    config: ObjectiveConfig = recipe.sections["objective"]
    known = {
        "columns": list(recipe.columns),
        "dim": recipe.embedding.dim,
        "classes": len(store.table.class_names),
        "targets": {name: modalities[name].spec() for name in recipe.targets},
        "widths": map_widths(model),
    }
    return {name: known[name] for name in sorted(config.needs())}


def check_stages(setup: Setup, objective: ObjectiveConfig) -> None:
    """Raise RunError where a stage has nothing to learn from or nothing to train; end in the first.

    Said now, and not when hours of the stages before it are done.
    """
    terms = objective.terms(list(setup.recipe.columns))
    for number, stage in reversed(list(enumerate(setup.stages))):
        named = f"stage '{stage.name}': " if stage.name else ""
        held = [term for term in terms if stage.learns(term) and setup.pair_rows[pair_name(term)]]
        if not held:
            raise RunError(
                f"{named}with {', '.join(stage.columns)} alone the objective has nothing to learn "
                f"from; name more of training.stages.{number}.columns"
            )
        try:
            enter_stage(setup, number)
        except RunError as error:
            raise RunError(f"{named}{error}") from None


def check_fusion(objective: nn.Module) -> None:
    """Raise RunError for an objective that does not go together with a fusion."""
    if not takes(objective, "compare"):
        raise RunError(
            f"the objective {type(objective).__name__} cannot train with a fusion: it compares all "
            f"pairs of columns, those among them that have seen each other's tokens; its forward "
            f"would have to take `compare`. Choose another objective.kind, or fusion = false"
        )


def _steps_per_epoch(splits: Splits, data: DataConfig) -> int:
    steps = num_batches(splits.train, data.batch_size, drop_last=True)
    if steps == 0:
        raise RunError(
            f"data.batch_size = {data.batch_size} is more than the {len(splits.train)} training "
            f"rows, so that no batch is ever full; set it to {len(splits.train)} or less"
        )
    if len(splits.validation) == 0:
        raise RunError(
            f"split '{data.validation}' gives no validation row; name another split, or cut one "
            f"from the training rows with data.validation_size = 0.1"
        )
    return steps
