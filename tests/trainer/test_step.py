"""One optimiser step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from polymodal_core.batch import Features
from polymodal_core.plugins import registry
from polymodal_trainer.batches import training_batches
from polymodal_trainer.nonfinite import NonFiniteError
from polymodal_trainer.resolve import read_recipe
from polymodal_trainer.start import Setup, build
from polymodal_trainer.step import seed_step, train_step
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler


def setup(recipe: Path, *settings: str) -> Setup:
    resolved = read_recipe(recipe, settings, registry=registry())
    return build(resolved, registry=registry(), source=str(recipe))


def weights(built: Setup) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in built.model.state_dict().items()}


@dataclass(frozen=True)
class Output:
    total: Tensor
    parts: Mapping[tuple[str, str], Tensor]
    anchors: Mapping[tuple[str, str], Tensor]


class Recording(nn.Module):
    """An objective that remembers what it was given and returns `scale` times a plain loss."""

    def __init__(self, scale: float = 1.0, *, graph: bool = True, steep: bool = False) -> None:
        super().__init__()
        self.steep = steep
        self.scale, self.graph, self.seen = scale, graph, cast("dict[str, Any]", {})

    def forward(self, embeddings: Mapping[str, Tensor], **given: Any) -> Output:
        self.seen = {"z": embeddings, **given}
        total = self.scale * sum(z[:, 0].sum() for z in embeddings.values())
        if self.steep:  # 0, with a slope that is not finite
            total = (total - torch.as_tensor(total).detach()).sqrt()
        pair = ("left", "right")
        loss = torch.as_tensor(total if self.graph else 0.0)
        return Output(loss, {pair: loss.detach()}, {pair: torch.tensor(2)})


def first_batch(built: Setup) -> Any:
    return next(iter(training_batches(built, epoch=0)))


def test_a_step_moves_the_weights_and_tells_its_parts(recipe: Path) -> None:
    built = setup(recipe)
    before = weights(built)
    batch = first_batch(built)
    result = train_step(built, batch, 0)
    assert result.loss == pytest.approx(float(sum(result.parts.values())), rel=1e-5)
    assert result.gradient_norm > 0
    present = {name: set(rows.tolist()) for name, rows in batch.rows.items()}
    assert result.anchors["left-right"] == len(present["left"] & present["right"])
    assert any(not torch.equal(value, before[name]) for name, value in weights(built).items())


@pytest.mark.parametrize("groups", ["none", "instance", "label"])
def test_objective_gets_presence_and_the_groups_that_the_recipe_names(
    recipe: Path, groups: str
) -> None:
    built = setup(recipe, f"objective.groups={groups}")
    recording = Recording()
    built = replace(built, objective=recording)
    batch = first_batch(built)
    train_step(built, batch, 0)
    for name, present in recording.seen["present"].items():
        assert present.nonzero().flatten().tolist() == batch.rows[name].tolist()
    wanted = {"none": None, "instance": batch.instance, "label": batch.label}[groups]
    given = recording.seen["groups"]
    assert given is None if wanted is None else torch.equal(given, wanted)


def test_dropout_depends_on_seed_and_step_alone(recipe: Path) -> None:
    built = setup(recipe, "objective.learnable=false")
    before = weights(built)
    batch = first_batch(built)
    losses = []
    for step in (5, 5, 6):
        built.model.load_state_dict(before)
        torch.rand(17)  # whatever else draws numbers meanwhile
        losses.append(train_step(built, batch, step).loss)
        built.optimizer.state.clear()
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_steps_and_seeds_draw_different_numbers() -> None:
    drawn = set()
    for seed in range(3):
        for step in range(3):
            seed_step(seed, step)
            drawn.add(torch.rand(()).item())
    assert len(drawn) == 9


def test_gradients_are_clipped_to_the_limit(recipe: Path) -> None:
    built = setup(recipe, "training.clip=0.5")
    built = replace(built, objective=Recording(1000.0))
    assert train_step(built, first_batch(built), 0).gradient_norm > 0.5
    gradients = [item.grad for item in built.model.parameters() if item.grad is not None]
    norm = torch.linalg.vector_norm(torch.cat([item.flatten() for item in gradients]))
    assert norm.item() == pytest.approx(0.5, rel=1e-3)


def test_clip_0_leaves_gradients_alone(recipe: Path) -> None:
    built = setup(recipe, "training.clip=0")
    built = replace(built, objective=Recording(1000.0))
    result = train_step(built, first_batch(built), 0)
    gradients = [item.grad for item in built.model.parameters() if item.grad is not None]
    norm = torch.linalg.vector_norm(torch.cat([item.flatten() for item in gradients]))
    assert norm.item() == pytest.approx(result.gradient_norm, rel=1e-4)


def test_loss_without_a_graph_leaves_the_weights(recipe: Path) -> None:
    built = replace(setup(recipe), objective=Recording(graph=False))
    before = weights(built)
    result = train_step(built, first_batch(built), 0)
    assert (result.loss, result.gradient_norm) == (0.0, 0.0)
    assert all(torch.equal(value, before[name]) for name, value in weights(built).items())


@pytest.mark.parametrize(
    ("objective", "symptom"),
    [
        (Recording(float("nan")), "the loss is nan; .*the objective itself"),
        (Recording(steep=True), "the norm of the gradients is nan; the gradients of 'left', "),
    ],
)
def test_broken_numbers_stop_before_the_weights_are_touched(
    recipe: Path, objective: nn.Module, symptom: str
) -> None:
    built = replace(setup(recipe), objective=objective)
    before = weights(built)
    with pytest.raises(NonFiniteError, match=symptom):
        train_step(built, first_batch(built), 0)
    assert all(torch.equal(value, before[name]) for name, value in weights(built).items())


def scaled(recipe: Path, objective: nn.Module, scale: float) -> Setup:
    """A setup with a gradient scaler, which runs on a CPU too, where fp16 itself does not."""
    built = setup(recipe)
    scaler = GradScaler("cpu", init_scale=scale)
    return replace(built, precision=replace(built.precision, scaler=scaler), objective=objective)


def test_scaled_gradients_give_the_same_step(recipe: Path) -> None:
    plain = replace(setup(recipe), objective=Recording())
    other = scaled(recipe, Recording(), 1024.0)
    batch = first_batch(plain)
    results = [train_step(built, batch, 0) for built in (plain, other)]
    assert results[1].gradient_norm == pytest.approx(results[0].gradient_norm, rel=1e-5)
    for name, value in weights(plain).items():
        assert torch.allclose(value, other.model.state_dict()[name], atol=1e-6), name


def test_overflow_of_scaled_gradients_skips_the_step_and_lowers_the_scale(recipe: Path) -> None:
    built = scaled(recipe, Recording(steep=True), 1024.0)
    before = weights(built)
    result = train_step(built, first_batch(built), 0)
    assert result.skipped
    assert all(torch.equal(value, before[name]) for name, value in weights(built).items())
    assert built.precision.scaler is not None
    assert built.precision.scaler.get_scale() == 512.0


def test_overflow_at_the_smallest_scale_is_broken(recipe: Path) -> None:
    built = scaled(recipe, Recording(steep=True), 0.5)
    with pytest.raises(NonFiniteError, match="the norm of the gradients is nan"):
        train_step(built, first_batch(built), 0)


def test_losses_of_encoders_own_are_added_and_told(recipe: Path) -> None:
    built = setup(recipe)
    batch = first_batch(built)
    plain = train_step(setup(recipe), batch, step=0)
    assert plain.auxiliary == {}

    class Regularised(nn.Module):
        def __init__(self, encoder: nn.Module) -> None:
            super().__init__()
            self.encoder, self.feature_dim = encoder, encoder.feature_dim

        def forward(self, inputs: Tensor) -> Features:
            found: Features = self.encoder(inputs)
            return replace(found, auxiliary=0.0 * found.pooled.sum() + 2.5)

    built.model.encoders["left"] = Regularised(built.model.encoders["left"])
    result = train_step(built, batch, step=0)
    assert result.auxiliary == {"left": torch.tensor(2.5)}
    assert result.loss == pytest.approx(plain.loss + 2.5, rel=1e-6)
    assert result.gradient_norm == pytest.approx(plain.gradient_norm, rel=1e-5)


def test_a_sum_of_objectives_tells_its_terms(recipe: Path) -> None:
    parts = '{kind="pcmc"}, {kind="pcmr", weight=0.1}'
    built = setup(recipe, f'objective={{kind="sum", groups="instance", parts=[{parts}]}}')
    result = train_step(built, first_batch(built), 0)
    assert result.terms.keys() == {"pcmc", "pcmr"}
    summed = result.terms["pcmc"] + 0.1 * result.terms["pcmr"]
    assert result.loss == pytest.approx(float(summed), rel=1e-6)
    assert set(result.anchors) == {"left-middle", "left-right", "middle-right"}
