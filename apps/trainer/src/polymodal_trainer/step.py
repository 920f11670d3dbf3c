"""One optimiser step."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from polymodal_core.batch import Batch, Embeddings
from polymodal_core.fusion import Exchange, Fusion
from polymodal_core.objective import Contrastive, maps_wanted, needs_joint, takes
from polymodal_core.protocols import LossOutput
from torch import Tensor, nn

from polymodal_trainer.coverage import pair_name
from polymodal_trainer.gradient_caching import embed
from polymodal_trainer.nonfinite import NonFiniteError, check_temperature
from polymodal_trainer.start import Setup

if TYPE_CHECKING:
    from polymodal_core.config import ObjectiveConfig

SMALLEST_SCALE = 1.0
"""fp16 gradients that overflow even at this loss scale are no matter of scale: they are broken."""

EXCHANGE = 0x46757365
"""Keeps the draws of who sees whom apart from others that are seeded by (seed, step)."""


@dataclass(frozen=True)
class StepResult:
    """What one step gave: detached losses, anchors behind them, norm of all gradients.

    `auxiliary` are losses of encoders' own by column, which `loss` holds too; `terms` are what an
    objective that is a sum names of it. `pair_gradients` are the mean lengths of the embeddings'
    gradients through positive and through negative pairs, where they were asked for and the
    objective can tell. `skipped` says that fp16 gradients overflowed, so that the weights were left
    as they were.
    """

    loss: float
    parts: dict[str, Tensor]
    anchors: dict[str, int]
    gradient_norm: float
    skipped: bool = False
    auxiliary: dict[str, Tensor] = field(default_factory=dict)
    pair_gradients: dict[str, float] = field(default_factory=dict)
    terms: dict[str, Tensor] = field(default_factory=dict)


def seed_step(seed: int, step: int) -> None:
    """Seed torch for a step, dropout above all, by (seed, step) alone.

    So a resumed run draws what an unbroken one draws, whatever else took random numbers before.
    """
    torch.manual_seed(int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0]))


def draw_exchange(setup: Setup, step: int) -> Exchange | None:
    """Draw which columns see each other in a step, by (seed, step) alone; None without fusion."""
    if setup.model.fusion is None:
        return None
    config = cast("ObjectiveConfig", setup.recipe.sections["objective"])
    weights = config.weights()
    if weights is not None and not weights:  # no columns are compared: each is seen alone
        return None
    pairs = None if weights is None else [pair for pair, weight in weights.items() if weight > 0]
    if setup.stage.name:
        every = list(combinations(setup.model.columns, 2)) if pairs is None else pairs
        pairs = [pair for pair in every if setup.stage.compares(pair)]
    rng = np.random.default_rng([setup.seed, step, EXCHANGE])
    fusion = cast("Fusion", setup.model.fusion)
    return fusion.draw(setup.model.columns, rng=rng, pairs=pairs or None)


def forward(setup: Setup, batch: Batch, step: int) -> tuple[Embeddings, LossOutput]:
    """Embed a batch and score it; the objective runs outside autocast."""
    exchange = draw_exchange(setup, step)
    with setup.precision.autocast():
        embeddings = embed(
            setup.model,
            batch,
            exchange,
            chunk_size=setup.training.chunk_size,
            joint=needs_joint(setup.objective),
            maps=maps_wanted(setup.objective),
        )
    output: LossOutput = setup.objective(embeddings.z, **_given(setup, batch, embeddings))
    return embeddings, output


def _given(setup: Setup, batch: Batch, embeddings: Embeddings) -> dict[str, Any]:
    # What an objective takes beside the embeddings.
    config = cast("ObjectiveConfig", setup.recipe.sections["objective"])
    groups = {"none": None, "instance": batch.instance, "label": batch.label}[config.groups]
    given: dict[str, Any] = {"present": embeddings.present, "groups": groups}
    if setup.teachers:
        given["teachers"] = {name: found.of(batch.index) for name, found in setup.teachers.items()}
    compare = _compared(setup, embeddings)
    optional = {
        "compare": compare,
        "labels": batch.label,
        "joint": embeddings.joint,
        "maps": embeddings.maps or None,
        "targets": _targets(setup, batch),
    }
    wanted = {name: value for name, value in optional.items() if value is not None}
    return given | {name: wanted[name] for name in wanted if takes(setup.objective, name)}


def _targets(setup: Setup, batch: Batch) -> dict[str, Tensor]:
    found = {name: batch.target(name) for name in setup.recipe.targets}
    return {name: values for name, values in found.items() if values is not None}


def _compared(setup: Setup, embeddings: Embeddings) -> frozenset[tuple[str, str]] | None:
    if setup.stage.pairs is None:
        return embeddings.compare
    found = combinations(embeddings.z, 2) if embeddings.compare is None else embeddings.compare
    return frozenset(pair for pair in found if setup.stage.compares(pair))


def _pair_gradients(setup: Setup, batch: Batch, embeddings: Embeddings) -> dict[str, float]:
    if not isinstance(setup.objective, Contrastive):
        return {}
    given = _given(setup, batch, embeddings)
    found = setup.objective.pair_gradients(
        embeddings.z,
        present=given["present"],
        groups=given["groups"],
        compare=given.get("compare"),
    )
    return {name: float(length) for name, length in found.items()}


def train_step(setup: Setup, batch: Batch, step: int, *, measure: bool = False) -> StepResult:
    """Forward, backward, clip, step; `measure` asks for `pair_gradients`.

    Raises NonFiniteError before the weights are touched, RunError for an infinite temperature.
    """
    seed_step(setup.seed, step)
    batch = batch.to(setup.precision.device, non_blocking=True)
    embeddings, output = forward(setup, batch, step)
    total = sum(embeddings.auxiliary.values(), output.total)
    loss = total.item()
    if not np.isfinite(loss):
        raise NonFiniteError(setup.model, batch, embeddings, f"the loss is {loss}")
    check_temperature(setup.objective)
    pair_gradients = _pair_gradients(setup, batch, embeddings) if measure else {}
    norm, skipped = _descend(setup, batch, embeddings, total)
    return StepResult(
        loss=loss,
        parts={pair_name(pair): part for pair, part in output.parts.items()},
        anchors={pair_name(pair): int(count) for pair, count in output.anchors.items()},
        gradient_norm=norm,
        skipped=skipped,
        auxiliary={name: loss.detach() for name, loss in embeddings.auxiliary.items()},
        pair_gradients=pair_gradients,
        terms=dict(getattr(output, "terms", {})),
    )


def _descend(
    setup: Setup, batch: Batch, embeddings: Embeddings, loss: Tensor
) -> tuple[float, bool]:
    optimizer, scaler = setup.optimizer, setup.precision.scaler
    optimizer.zero_grad(set_to_none=True)
    if not loss.requires_grad:  # no trainable column has a value in this batch
        return 0.0, False
    if scaler is None:
        loss.backward()
    else:
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
    norm = _clip(setup)
    if not np.isfinite(norm) and (scaler is None or scaler.get_scale() < SMALLEST_SCALE):
        raise NonFiniteError(setup.model, batch, embeddings, f"the norm of the gradients is {norm}")
    if scaler is None:
        optimizer.step()
        return norm, False
    scaler.step(optimizer)
    scaler.update()
    return norm, not np.isfinite(norm)


def _clip(setup: Setup) -> float:
    parameters = [
        parameter
        for group in setup.optimizer.param_groups
        for parameter in group["params"]
        if parameter.grad is not None
    ]
    limit = setup.training.clip
    norm = nn.utils.clip_grad_norm_(parameters, limit if limit > 0 else float("inf"))
    return float(norm)
