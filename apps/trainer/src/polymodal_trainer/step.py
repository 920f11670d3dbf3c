"""One optimiser step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from polymodal_core.batch import Batch, Embeddings
from polymodal_core.protocols import LossOutput
from torch import Tensor, nn

from polymodal_trainer.coverage import pair_name
from polymodal_trainer.nonfinite import NonFiniteError, check_temperature
from polymodal_trainer.start import Setup

if TYPE_CHECKING:
    from polymodal_core.config import ObjectiveConfig

SMALLEST_SCALE = 1.0
"""fp16 gradients that overflow even at this loss scale are no matter of scale: they are broken."""


@dataclass(frozen=True)
class StepResult:
    """What one step gave: detached losses, anchors behind them, norm of all gradients.

    `skipped` says that fp16 gradients overflowed, so that the weights were left as they were.
    """

    loss: float
    parts: dict[str, Tensor]
    anchors: dict[str, int]
    gradient_norm: float
    skipped: bool = False


def seed_step(seed: int, step: int) -> None:
    """Seed torch for a step, dropout above all, by (seed, step) alone.

    So a resumed run draws what an unbroken one draws, whatever else took random numbers before.
    """
    torch.manual_seed(int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0]))


def forward(setup: Setup, batch: Batch) -> tuple[Embeddings, LossOutput]:
    """Embed a batch and score it; the objective runs outside autocast."""
    config = cast("ObjectiveConfig", setup.recipe.sections["objective"])
    groups = {"none": None, "instance": batch.instance, "label": batch.label}[config.groups]
    with setup.precision.autocast():
        embeddings: Embeddings = setup.model(batch)
    output: LossOutput = setup.objective(embeddings.z, present=embeddings.present, groups=groups)
    return embeddings, output


def train_step(setup: Setup, batch: Batch, step: int) -> StepResult:
    """Forward, backward, clip, step.

    Raises NonFiniteError before the weights are touched, RunError for an infinite temperature.
    """
    seed_step(setup.seed, step)
    batch = batch.to(setup.precision.device, non_blocking=True)
    embeddings, output = forward(setup, batch)
    loss = output.total.item()
    if not np.isfinite(loss):
        raise NonFiniteError(setup.model, batch, embeddings, f"the loss is {loss}")
    check_temperature(setup.objective)
    norm, skipped = _descend(setup, batch, embeddings, output.total)
    return StepResult(
        loss=loss,
        parts={pair_name(pair): part for pair, part in output.parts.items()},
        anchors={pair_name(pair): int(count) for pair, count in output.anchors.items()},
        gradient_norm=norm,
        skipped=skipped,
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
