"""Conformance of an encoder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from polymodal_core.batch import Features, Inputs
from polymodal_core.config import EncoderConfig
from polymodal_core.protocols import Modality
from polymodal_core.testing.configs import check_config
from polymodal_core.testing.equality import close, same
from polymodal_core.testing.generators import seeded
from polymodal_core.testing.rules import Rules

TOLERANCE = 1e-4


def check_encoder(
    config: EncoderConfig,
    modality: Modality,
    values: Sequence[Any],
    *,
    root: str | None = None,
    tolerance: float = TOLERANCE,
) -> nn.Module:
    """Hold an encoder to the contract, on raw `values` of a fitted `modality`; give it back.

    `tolerance` is what batch composition may change by rounding, relative to the largest feature.
    Raises ConformanceError that names the rule broken.
    """
    rules = Rules(type(config).__name__)
    check_config(rules, config, EncoderConfig)
    rules.require(len(values) > 1, "give two or more values to check with", f"{len(values)} given")
    _check_requires(rules, config)
    examples = []
    for value in values:
        shared, own = seeded(1)
        decoded = modality.decode(modality.pack(value, root))
        examples.append(modality.transform(decoded, training=False, shared=shared, own=own))
    with torch.random.fork_rng(devices=[]):
        encoder = _build(rules, config, modality)
        features = _check_features(rules, encoder, modality, examples)
        _check_composition(rules, encoder, modality, examples, features, tolerance)
        _check_backbone(rules, encoder, modality.collate(examples), features)
        _check_weights(rules, config, modality, encoder, examples, features)
        _check_training(rules, encoder, modality, examples)
    return encoder.eval()


def _check_requires(rules: Rules, config: EncoderConfig) -> None:
    rules.require(
        isinstance(getattr(config, "modality", None), str),
        'must say what it encodes, as `modality: ClassVar[str] = "kind"`',
    )
    with rules.runs("requires must give modality options as plain data, without loading weights"):
        required = config.requires()
        json.dumps(required)
    rules.require(isinstance(required, dict), "requires must give a dict", f"it is {required!r}")


def _build(rules: Rules, config: EncoderConfig, modality: Modality) -> nn.Module:
    with rules.runs(f"build must take the modality's spec {modality.spec()}"):
        encoder = config.build(**modality.spec())
    rules.require(
        isinstance(encoder, nn.Module),
        "build must give an nn.Module",
        f"it gave {type(encoder).__name__}",
    )
    dim = getattr(encoder, "feature_dim", None)
    rules.require(
        type(dim) is int and dim > 0, "an encoder must have an int feature_dim", f"it is {dim!r}"
    )
    return cast("nn.Module", encoder)


def _check_features(
    rules: Rules, encoder: nn.Module, modality: Modality, examples: Sequence[Any]
) -> Features:
    encoder.eval()
    with torch.no_grad(), rules.runs("forward must take collated inputs"):
        features = encoder(modality.collate(list(examples)))
        again = encoder(modality.collate(list(examples)))
    rules.require(
        isinstance(features, Features),
        "forward must give Features",
        f"it gave {type(features).__name__}",
    )
    pooled, dim = features.pooled, encoder.feature_dim
    rules.require(
        tuple(pooled.shape) == (len(examples), dim),
        "pooled must be [present, feature_dim]",
        f"it is {list(pooled.shape)} for {len(examples)} values and feature_dim {dim}",
    )
    rules.require(
        pooled.is_floating_point() and bool(pooled.isfinite().all()),
        "pooled must be finite floating-point numbers",
    )
    rules.require(
        same(features, again), "in eval mode, the same inputs must give the same features"
    )
    rules.require(
        not all(same(pooled[0], other) for other in pooled[1:]),
        "features must depend on the inputs",
        "all values given have the same features",
    )
    _check_tokens(rules, features, len(examples), cast("int", dim))
    rules.require(features.auxiliary is None, "in eval mode there must be no auxiliary loss")
    return cast("Features", features)


def _check_tokens(rules: Rules, features: Features, present: int, dim: int) -> None:
    tokens, mask = features.tokens, features.mask
    grid = features.grid
    if tokens is None:
        rules.require(mask is None, "a mask without tokens means nothing")
        rules.require(grid is None, "a grid without tokens means nothing")
        return
    rules.require(
        tokens.ndim == 3 and tokens.shape[0] == present and tokens.shape[2] == dim,
        "tokens must be [present, length, feature_dim]",
        f"they are {list(tokens.shape)} for {present} values and feature_dim {dim}",
    )
    rules.require(
        mask is not None and mask.dtype == torch.bool and mask.shape == tokens.shape[:2],
        "tokens must come with a mask, bool [present, length]",
        "there is none" if mask is None else f"it is {mask.dtype} {list(mask.shape)}",
    )
    rules.require(
        grid is None or 0 < grid[0] * grid[1] <= tokens.shape[1],
        "grid must be (height, width) of cells, as many as there are tokens at the most",
        f"it is {grid} for {tokens.shape[1]} tokens",
    )
    rules.require(
        bool(cast("Tensor", mask).any(dim=1).all()), "every value must have one real token at least"
    )


def _check_composition(
    rules: Rules,
    encoder: nn.Module,
    modality: Modality,
    examples: Sequence[Any],
    features: Features,
    tolerance: float,
) -> None:
    for index, example in enumerate(examples):
        with torch.no_grad(), rules.runs("forward must take a single value in eval mode"):
            alone = encoder(modality.collate([example])).pooled
        rules.require(
            close(features.pooled[index : index + 1], alone, tolerance=tolerance),
            "in eval mode, features must not depend on the rest of the batch, nor on its padding",
            f"value {index} alone differs by "
            f"{float((features.pooled[index] - alone[0]).abs().max()):.2g}",
        )


def _check_backbone(rules: Rules, encoder: nn.Module, inputs: Inputs, features: Features) -> None:
    if not hasattr(encoder, "backbone"):
        return
    split: Any = encoder
    with torch.no_grad(), rules.runs("an encoder with a `backbone` must `finish` what it gives"):
        found = split.finish(split.backbone(inputs))
    rules.require(
        same(features.pooled, found.pooled) and same(features.tokens, found.tokens),
        "forward must be `finish` after `backbone`: cached features pass `finish` alone",
    )


def _check_weights(
    rules: Rules,
    config: EncoderConfig,
    modality: Modality,
    encoder: nn.Module,
    examples: Sequence[Any],
    features: Features,
) -> None:
    torch.manual_seed(2)
    other = cast("nn.Module", config.build(**modality.spec()))
    with rules.runs("state_dict must load into another build of the same config"):
        other.load_state_dict(encoder.state_dict())
    with torch.no_grad():
        found = other.eval()(modality.collate(list(examples))).pooled
    rules.require(
        same(features.pooled, found),
        "state_dict must hold everything that features depend on: a checkpoint has nothing else",
    )


def _check_training(
    rules: Rules, encoder: nn.Module, modality: Modality, examples: Sequence[Any]
) -> None:
    trainable = [item for item in encoder.named_parameters() if item[1].requires_grad]
    encoder.train()
    state = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    with rules.runs("forward must run in training mode"):
        torch.manual_seed(3)
        features = encoder(modality.collate(list(examples)))
        encoder.load_state_dict(state)  # running statistics have moved
        torch.manual_seed(3)
        again = encoder(modality.collate(list(examples)))
    rules.require(
        same(features.pooled, again.pooled),
        "in training mode, equal seeds of torch must give equal features",
    )
    loss = again.auxiliary
    rules.require(
        loss is None
        or (loss.ndim == 0 and bool(loss.isfinite()) and same(loss, features.auxiliary)),
        "auxiliary must be a finite scalar, equal for equal seeds of torch",
        f"it is {loss!r}",
    )
    if not trainable:
        return
    encoder.zero_grad()
    torch.autograd.backward(_score(again))
    unreached = [name for name, parameter in trainable if parameter.grad is None]
    rules.require(
        not unreached,
        "every trainable parameter must get a gradient",
        f"none reaches {', '.join(unreached[:5])}",
    )
    rules.require(
        any(bool((cast("Tensor", item.grad) != 0).any()) for _, item in trainable),
        "gradients must not all be 0",
    )
    encoder.zero_grad()


def _score(features: Features) -> Tensor:
    generator = torch.Generator().manual_seed(4)
    total = (features.pooled * torch.randn(features.pooled.shape, generator=generator)).sum()
    if features.tokens is not None:
        total = (
            total
            + (features.tokens * torch.randn(features.tokens.shape, generator=generator)).sum()
        )
    return total if features.auxiliary is None else total + features.auxiliary
