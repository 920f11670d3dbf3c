"""The refinement head: what is hidden, what the loss is of, and that it teaches the encoder."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from polymodal_core.batch import Features
from polymodal_depth.config import DepthConfig
from polymodal_depth.encoder_config import ConvNetConfig, TimmConfig
from polymodal_depth.refinement import BLOCKS, RefinedEncoder
from pydantic import ValidationError
from torch import Tensor

SIZE = 32


def build(kind: Any = ConvNetConfig, **options: Any) -> RefinedEncoder:
    torch.manual_seed(0)
    given = {"width": 8} if kind is ConvNetConfig else {"model": "test_resnet"}
    config = kind(**given, **{"refinement": 1.0, **options})
    built = config.build(**DepthConfig(size=SIZE).build().spec())
    assert isinstance(built, RefinedEncoder)
    return built


def slopes(count: int, *, seed: int = 1) -> Tensor:
    """Depth and validity of tilted planes with a hole in a corner."""
    generator = torch.Generator().manual_seed(seed)
    tilt = torch.rand(count, 2, generator=generator)
    place = torch.linspace(0, 0.5, SIZE)
    depth = tilt[:, 0, None, None] * place[:, None] + tilt[:, 1, None, None] * place
    validity = torch.ones(count, SIZE, SIZE)
    validity[:, :5, :5] = 0
    return torch.stack([(0.1 + depth) * validity, validity], dim=1)


@pytest.mark.parametrize("kind", [ConvNetConfig, TimmConfig])
def test_the_loss_is_the_mean_error_over_hidden_readings(kind: Any) -> None:
    encoder = build(kind, refinement=0.5, hidden=0.4).train()
    given = slopes(3)
    torch.manual_seed(4)
    found = encoder(given)
    torch.manual_seed(4)
    hidden = encoder.draw(given)
    seen = given * ~hidden
    told = encoder.reconstruct(encoder.backbone(seen), seen)
    errors = [
        abs(told[n, y, x].item() - given[n, 0, y, x].item())
        for n in range(3)
        for y in range(SIZE)
        for x in range(SIZE)
        if hidden[n, 0, y, x] and given[n, 1, y, x] > 0
    ]
    assert 0.2 < len(errors) / (3 * SIZE * SIZE) < 0.6
    assert found.auxiliary is not None
    assert found.auxiliary.item() == pytest.approx(0.5 * sum(errors) / len(errors), rel=1e-4)
    assert torch.equal(found.pooled, encoder.backbone(seen).pooled)


def gradients(encoder: RefinedEncoder, given: Tensor) -> tuple[float, Tensor]:
    """Loss, and its gradient with respect to what the head tells, [present, size, size]."""
    told: list[Tensor] = []
    reconstruct = encoder.reconstruct

    def kept(features: Features, seen: Tensor) -> Tensor:
        told.append(reconstruct(features, seen))
        told[-1].retain_grad()
        return told[-1]

    encoder.reconstruct = kept  # type: ignore[method-assign]
    torch.manual_seed(4)
    found = encoder(given)
    assert found.auxiliary is not None
    found.auxiliary.backward()
    encoder.reconstruct = reconstruct  # type: ignore[method-assign]
    assert told[0].grad is not None
    return found.auxiliary.item(), told[0].grad


def with_confidence(count: int) -> Tensor:
    """Maps whose validity is confidence, 0 in places; the first is measured."""
    given = slopes(count)
    generator = torch.Generator().manual_seed(3)
    confidence = torch.rand(count, SIZE, SIZE, generator=generator)
    confidence[confidence < 0.3] = 0
    confidence[0] = 1
    given[:, 1] *= confidence
    given[:, 0] *= given[:, 1] > 0
    return given


@pytest.mark.parametrize("kind", [ConvNetConfig, TimmConfig])
def test_pixels_count_in_the_loss_by_their_confidence_and_masked_ones_not_at_all(kind: Any) -> None:
    encoder = build(kind, refinement=0.5, hidden=0.5).train()
    given = with_confidence(3)
    loss, found = gradients(encoder, given)
    torch.manual_seed(4)
    hidden = encoder.draw(given)
    seen = given * ~hidden
    told = encoder.reconstruct(encoder.backbone(seen), seen)
    weights, errors = [], []
    for n in range(3):
        for y in range(SIZE):
            for x in range(SIZE):
                weight = given[n, 1, y, x].item() if hidden[n, 0, y, x] else 0.0
                weights.append(weight)
                errors.append(told[n, y, x].item() - given[n, 0, y, x].item())
    total = sum(weights)
    expected = 0.5 * sum(w * abs(e) for w, e in zip(weights, errors, strict=True)) / total
    assert loss == pytest.approx(expected, rel=1e-4)
    flat = found.flatten()
    for at, (weight, error) in enumerate(zip(weights, errors, strict=True)):
        sign = 1 if error > 0 else -1
        assert flat[at].item() == pytest.approx(0.5 * weight * sign / total, rel=1e-4, abs=1e-12)
    masked = (given[:, 1] == 0).flatten()
    assert masked.float().mean() > 0.1
    assert not flat[masked].any()


def test_the_number_of_things_behind_the_loss_is_the_sum_of_confidence() -> None:
    encoder = build(hidden=0.5).train()
    given = with_confidence(2)
    torch.manual_seed(4)
    found = encoder(given)
    torch.manual_seed(4)
    expected = (given[:, 1] * encoder.draw(given)[:, 0]).sum().item()
    assert found.auxiliary_count is not None
    assert found.auxiliary_count.item() == pytest.approx(expected, rel=1e-5)
    # A mean over a pixel of little confidence is still a mean.
    faint = torch.zeros(1, 2, SIZE, SIZE)
    faint[:, 0] = 0.5
    faint[0, 1, 3, 3] = 0.25
    for seed in range(20):
        torch.manual_seed(seed)
        hit = bool(encoder.draw(faint)[0, 0, 3, 3])
        torch.manual_seed(seed)
        loss = encoder(faint).auxiliary
        assert loss is not None
        assert (loss.item() > 0.1) == hit


def test_whole_blocks_are_hidden_at_the_rate_asked_for() -> None:
    hidden = build(hidden=0.25).draw(slopes(200))
    blocks = hidden.unflatten(2, (BLOCKS, -1)).unflatten(4, (BLOCKS, -1))
    shares = blocks.float().mean(dim=(3, 5))
    assert set(shares.unique().tolist()) == {0.0, 1.0}
    assert shares.mean().item() == pytest.approx(0.25, abs=0.02)


def test_an_evaluation_hides_nothing_and_has_no_loss() -> None:
    encoder = build().eval()
    given = slopes(2)
    found, plain = encoder(given), encoder.backbone(given)
    assert found.auxiliary is None
    assert torch.equal(found.pooled, plain.pooled)
    assert encoder.finish(plain) is plain


def test_maps_without_a_hidden_reading_cost_nothing() -> None:
    encoder = build().train()
    nothing = torch.zeros(2, 2, SIZE, SIZE)
    found = encoder(nothing)
    assert found.auxiliary is not None
    found.auxiliary.backward()
    assert found.auxiliary.item() == 0.0
    assert all(p.grad is None or p.grad.isfinite().all() for p in encoder.parameters())


def test_it_learns_and_teaches_the_encoder() -> None:
    encoder = build(hidden=0.5).train()
    optimizer = torch.optim.Adam(encoder.parameters(), lr=3e-3)
    losses = []
    for step in range(80):
        torch.manual_seed(step)
        found: Features = encoder(slopes(16, seed=step))
        assert found.auxiliary is not None
        optimizer.zero_grad()
        found.auxiliary.backward()
        if step == 0:
            reached = [p.grad is not None and p.grad.any() for p in encoder.backbone.parameters()]
            assert sum(map(bool, reached)) > len(reached) / 2
        optimizer.step()
        losses.append(found.auxiliary.item())
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_without_weight_there_is_no_head() -> None:
    built = ConvNetConfig(width=8).build(**DepthConfig(size=SIZE).build().spec())
    assert not isinstance(built, RefinedEncoder)
    with pytest.raises(ValidationError, match="refinement trains the encoder, which is frozen"):
        ConvNetConfig(refinement=1.0, tuning="frozen")
    with pytest.raises(ValidationError, match="less than 1"):
        ConvNetConfig(hidden=1.0)
