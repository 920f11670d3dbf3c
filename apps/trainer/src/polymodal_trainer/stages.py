"""Stages: a run is a sequence of them, each with its own optimiser, schedule and frozen parts.

A stage begins with the best weights of the one before. Where a recipe declares none, the whole run
is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polymodal_core.errors import Problem, suggest
from polymodal_core.recipe import Recipe

from polymodal_trainer.config import TrainingConfig
from polymodal_trainer.stage_config import StageConfig

if TYPE_CHECKING:
    from polymodal_trainer.start import Setup

FUSION, OBJECTIVE = "fusion", "objective"
LABEL = "label"
SHAPE = ("name", "columns", "train", "freeze", "pairs")
"""Keys of a stage that are no keys of `[training]`."""


@dataclass(frozen=True)
class Stage:
    """A stage as it is run: what it sees, what it holds, and its `[training]`.

    `columns` are seen, `held` learn nothing (columns, "fusion", "objective"), `pairs` are compared,
    None: all. `name` is empty where the recipe declares no stages. `predicted` are what terms of
    the objective may predict: "label", and targets.
    """

    name: str
    columns: tuple[str, ...]
    held: frozenset[str]
    pairs: frozenset[frozenset[str]] | None
    training: TrainingConfig
    predicted: frozenset[str] = frozenset({LABEL})

    def compares(self, pair: Sequence[str]) -> bool:
        """Say whether the loss may compare two columns in this stage."""
        seen = all(name in self.columns for name in pair)
        return seen and (self.pairs is None or frozenset(pair) in self.pairs)

    def learns(self, term: tuple[str, str]) -> bool:
        """Say whether a term of the objective (`ObjectiveConfig.terms`) can have anchors here."""
        if term[1] not in self.predicted:
            return self.compares(term)
        return len(self.columns) > 1 if term[0] == "joint" else term[0] in self.columns


def stages_of(recipe: Recipe) -> tuple[Stage, ...]:
    """Give the stages of a recipe, at least one."""
    training: TrainingConfig = recipe.sections["training"]
    columns = tuple(recipe.columns)
    predicted = frozenset({LABEL, *recipe.targets})
    if not training.stages:
        return (Stage("", columns, frozenset(), None, training, predicted),)
    return tuple(_stage(config, training, columns, predicted) for config in training.stages)


def stage_problems(recipe: Recipe) -> list[Problem]:
    """List what stages name that the recipe does not have."""
    training: TrainingConfig = recipe.sections["training"]
    parts = {*recipe.columns, OBJECTIVE, *(() if recipe.fusion is None else (FUSION,))}
    return [
        Problem(f"training.stages.{number}.{key}", f"{what} '{name}'{suggest(name, known)}")
        for number, config in enumerate(training.stages)
        for key, what, known, names in (
            ("columns", "unknown column", set(recipe.columns), config.columns),
            ("train", "there is no part", parts, config.train),
            ("freeze", "there is no part", parts, config.freeze),
            ("pairs", "unknown column", set(recipe.columns), _flat(config.pairs)),
        )
        for name in names or ()
        if name not in known
    ]


def enter_stage(setup: Setup, number: int) -> None:
    """Bring model, objective and optimiser of a run into its stage `number`.

    Weights stay as they are. Raises RunError where nothing is trainable.
    """
    from polymodal_trainer.optimiser import build_optimizer

    setup.stage_number = number
    held = setup.stage.held
    columns = [name for name in setup.model.columns if name in held]
    setup.model.hold(columns, fusion=FUSION in held)
    setup.objective.requires_grad_(OBJECTIVE not in held)
    setup.optimizer = build_optimizer(
        setup.model, setup.objective, setup.training, device=setup.precision.device
    )


def _stage(
    config: StageConfig,
    training: TrainingConfig,
    columns: tuple[str, ...],
    predicted: frozenset[str],
) -> Stage:
    seen = columns if config.columns is None else config.columns
    held = set(config.freeze or ())
    if config.train is not None:
        held = {*seen, FUSION, OBJECTIVE} - set(config.train)
        # Class layers and temperatures belong to whatever learns.
        held -= {OBJECTIVE}
    pairs = None if config.pairs is None else frozenset(frozenset(pair) for pair in config.pairs)
    changes = config.model_dump(exclude={*SHAPE}, exclude_none=True)
    return Stage(
        config.name,
        tuple(name for name in columns if name in seen),
        frozenset(held | (set(columns) - set(seen))),
        pairs,
        training.model_copy(update=changes),
        predicted,
    )


def _flat(pairs: Sequence[Sequence[str]] | None) -> Iterator[str]:
    for pair in pairs or ():
        yield from pair
