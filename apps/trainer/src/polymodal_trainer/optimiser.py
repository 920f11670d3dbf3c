"""The optimiser and its parameter groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from polymodal_core.errors import CheckpointError, RunError
from polymodal_core.model import Model
from torch import Tensor, nn

from polymodal_trainer.config import TrainingConfig
from polymodal_trainer.schedule import learning_rate_factor

NORMALISATION = (
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.modules.batchnorm._NormBase,
)


def build_optimizer(
    model: Model, objective: nn.Module, config: TrainingConfig, *, device: torch.device
) -> torch.optim.Optimizer:
    """Build Adam or AdamW over the groups `heads`, `backbones` and `objective`.

    Biases, normalisation layers and the objective's parameters (the temperature) take no weight
    decay. Every group carries its `part`, its peak learning rate and its parameters' names.
    Raises RunError where nothing is trainable.
    """
    peaks = {
        "heads": config.lr_heads,
        "backbones": config.lr_backbones,
        "objective": config.lr_heads,
    }
    groups: dict[tuple[str, bool], dict[str, Any]] = {}
    for part, name, parameter, decays in _trainable(model, objective):
        decay = config.weight_decay if decays else 0.0
        group = groups.setdefault(
            (part, decays),
            {"params": [], "names": [], "part": part, "peak": peaks[part], "weight_decay": decay},
        )
        group["params"].append(parameter)
        group["names"].append(name)
    if not any(part != "objective" for part, _ in groups):
        raise RunError(
            "nothing is trainable: every encoder is frozen and no head has parameters; "
            'set tuning = "full" or "lora" for an encoder, or another head kind than identity'
        )
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return kind(
        list(groups.values()),
        lr=config.lr_heads,
        betas=config.betas,
        fused=device.type in ("cpu", "cuda"),
    )


def set_learning_rates(
    optimizer: torch.optim.Optimizer, step: int, total: int, config: TrainingConfig
) -> dict[str, float]:
    """Set every group's learning rate for `step` of `total`; give them by part."""
    factor = learning_rate_factor(step, total, config)
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor
    return {group["part"]: group["lr"] for group in optimizer.param_groups}


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Give the optimiser's state as tensors named `parameter/moment`, for a checkpoint."""
    return {
        f"{name}/{key}": value
        for name, parameter in _named(optimizer)
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def load_optimizer_tensors(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], *, source: str
) -> None:
    """Put saved state back; raises CheckpointError for state of a parameter that is not there."""
    saved: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        name, _, moment = key.rpartition("/")
        saved.setdefault(name, {})[moment] = tensor
    parameters = dict(_named(optimizer))
    misfits = sorted(
        name
        for name, state in saved.items()
        if name not in parameters
        or any(tensor.ndim and tensor.shape != parameters[name].shape for tensor in state.values())
    )
    if misfits:
        raise CheckpointError(
            f"{source}: its optimiser state of {', '.join(misfits[:5])} fits no parameter of this "
            f"model; it was probably written by other versions of the plug-ins"
        )
    optimizer.load_state_dict(
        {
            "state": {index: saved[name] for index, name in enumerate(parameters) if name in saved},
            "param_groups": optimizer.state_dict()["param_groups"],
        }
    )


def _named(optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, Tensor]]:
    for group in optimizer.param_groups:
        yield from zip(group["names"], group["params"], strict=True)


def _trainable(model: Model, objective: nn.Module) -> Iterator[tuple[str, str, nn.Parameter, bool]]:
    undecayed = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, NORMALISATION)
        for parameter in module.parameters(recurse=False)
    }
    backbones = {id(parameter) for parameter in model.parameter_groups()["backbones"]}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decays = parameter.ndim > 1 and id(parameter) not in undecayed
            yield "backbones" if id(parameter) in backbones else "heads", name, parameter, decays
    for name, parameter in objective.named_parameters():
        if parameter.requires_grad:
            yield "objective", f"objective.{name}", parameter, False
