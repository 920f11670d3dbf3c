"""Parameter groups and the optimiser's state."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from polymodal_core.errors import CheckpointError, RunError
from polymodal_core.model import Model, PooledEncoder
from polymodal_trainer.config import TrainingConfig
from polymodal_trainer.optimiser import (
    build_optimizer,
    load_optimizer_tensors,
    optimizer_tensors,
    set_learning_rates,
)
from torch import nn

CPU = torch.device("cpu")


class Objective(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.logit_scale = nn.Parameter(torch.ones(()))


def model(frozen: frozenset[str] = frozenset()) -> Model:
    def encoder() -> nn.Module:
        layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.LayerNorm([4]))
        return PooledEncoder(layers, feature_dim=4)

    return Model(
        {"a": encoder(), "b": encoder()},
        {"a": nn.Linear(4, 2), "b": nn.Linear(4, 2)},
        dim=2,
        frozen=frozen,
    )


def groups(built: Model, **options: Any) -> dict[tuple[str, float], set[str]]:
    config = TrainingConfig.model_validate({"weight_decay": 0.1, **options})
    optimizer = build_optimizer(built, Objective(), config, device=CPU)
    return {
        (group["part"], group["weight_decay"]): set(group["names"])
        for group in optimizer.param_groups
    }


def test_biases_norms_and_temperature_are_not_decayed() -> None:
    assert groups(model()) == {
        ("heads", 0.1): {"heads.a.weight", "heads.b.weight"},
        ("heads", 0.0): {"heads.a.bias", "heads.b.bias"},
        ("backbones", 0.1): {f"encoders.{name}.module.0.weight" for name in "ab"},
        ("backbones", 0.0): {
            f"encoders.{name}.module.{rest}"
            for name in "ab"
            for rest in ("0.bias", "1.weight", "1.bias", "2.weight", "2.bias")
        },
        ("objective", 0.0): {"objective.logit_scale"},
    }


def test_layernorm_over_several_axes_is_not_decayed() -> None:
    built = model()
    built.encoders["a"] = PooledEncoder(nn.LayerNorm([2, 4]), feature_dim=4)
    assert "encoders.a.module.weight" in groups(built)["backbones", 0.0]


class Split(nn.Module):
    """An encoder that trains a projection of its own behind a backbone."""

    feature_dim = 4

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Linear(3, 4)
        self.own = nn.Linear(4, 4)


def test_what_an_encoder_has_behind_its_backbone_learns_as_fast_as_heads() -> None:
    built = Model({"a": Split()}, {"a": nn.Linear(4, 2)}, dim=2)
    found = groups(built)
    assert found["backbones", 0.1] == {"encoders.a.backbone.weight"}
    assert found["heads", 0.1] == {"encoders.a.own.weight", "heads.a.weight"}
    frozen = groups(Model({"a": Split()}, {"a": nn.Linear(4, 2)}, dim=2, frozen=frozenset("a")))
    assert not any(part == "backbones" for part, _ in frozen)
    assert "encoders.a.own.weight" in frozen["heads", 0.1]


def test_frozen_encoders_are_in_no_group() -> None:
    names = {name for names in groups(model(frozenset("a"))).values() for name in names}
    assert not any(name.startswith("encoders.a.") for name in names)
    assert any(name.startswith("encoders.b.") for name in names)


def test_nothing_trainable_is_refused() -> None:
    built = Model(
        {"a": PooledEncoder(nn.Linear(3, 2), feature_dim=2)},
        {"a": nn.Identity()},
        dim=2,
        frozen=frozenset("a"),
    )
    with pytest.raises(RunError, match=r'nothing is trainable.*tuning = "full"'):
        build_optimizer(built, Objective(), TrainingConfig(), device=CPU)


def test_learning_rates_follow_their_peaks() -> None:
    config = TrainingConfig(lr_heads=1e-2, lr_backbones=1e-4, warmup=1, floor=0.0)
    optimizer = build_optimizer(model(), Objective(), config, device=CPU)
    assert set_learning_rates(optimizer, 0, 10, config) == pytest.approx(
        {"heads": 5e-3, "backbones": 5e-5, "objective": 5e-3}
    )
    assert set_learning_rates(optimizer, 1, 10, config)["heads"] == 1e-2
    assert {group["lr"] for group in optimizer.param_groups} == {1e-2, 1e-4}


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_optimizer_by_name(name: str, kind: type) -> None:
    config = TrainingConfig.model_validate({"optimizer": name})
    optimizer = build_optimizer(model(), Objective(), config, device=CPU)
    assert type(optimizer) is kind
    assert optimizer.defaults["fused"]


def _stepped(built: Model, optimizer: torch.optim.Optimizer, steps: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        optimizer.zero_grad()
        features = built.features("a", torch.randn(5, 3, generator=generator)).pooled
        built.heads["a"](features).square().sum().backward()  # 'b' gets no gradient, so no state
        optimizer.step()


def test_state_goes_through_tensors_bit_for_bit() -> None:
    config = TrainingConfig()
    torch.manual_seed(0)
    first = model()
    second = model()
    second.load_state_dict(first.state_dict())
    optimizers = [
        build_optimizer(item, Objective(), config, device=CPU) for item in (first, second)
    ]
    _stepped(first, optimizers[0], 3, seed=1)
    second.load_state_dict(first.state_dict())
    tensors = {name: tensor.clone() for name, tensor in optimizer_tensors(optimizers[0]).items()}
    assert set(tensors) == {
        f"{part}/{key}"
        for part in (
            "heads.a.weight",
            "heads.a.bias",
            *(
                f"encoders.a.module.{layer}.{kind}"
                for layer in range(3)
                for kind in ("weight", "bias")
            ),
        )
        for key in ("step", "exp_avg", "exp_avg_sq")
    }
    load_optimizer_tensors(optimizers[1], tensors, source="here")
    for built, optimizer in zip((first, second), optimizers, strict=True):
        _stepped(built, optimizer, 2, seed=2)
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


@pytest.mark.parametrize(
    "tensors",
    [
        {"encoders.c.weight/exp_avg": torch.zeros(2)},
        {"heads.a.weight/exp_avg": torch.zeros(9, 9)},
    ],
)
def test_state_of_another_model_is_refused_by_name(tensors: dict[str, torch.Tensor]) -> None:
    optimizer = build_optimizer(model(), Objective(), TrainingConfig(), device=CPU)
    name = next(iter(tensors)).partition("/")[0]
    with pytest.raises(CheckpointError, match=f"step-1: .*{name}.*other versions"):
        load_optimizer_tensors(optimizer, tensors, source="step-1")
