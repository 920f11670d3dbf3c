"""Scalars whose gradients are formed together with them, in one sweep over tiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from polymodal_losses.errors import ObjectiveError

Compute = Callable[[Sequence[bool]], tuple[Tensor, Sequence[Tensor | None]]]
"""From which inputs want a gradient to the scalar and the gradients of those that do."""


def with_formed_gradients(compute: Compute, inputs: Sequence[Tensor]) -> Tensor:
    """Give the scalar of `compute` with a backward pass that only scales the gradients it formed.

    Nothing else is kept for backward, and no gradient is formed where none can be asked for.
    Differentiating twice raises ObjectiveError. Autocast is off inside.
    """
    wanted = [torch.is_grad_enabled() and tensor.requires_grad for tensor in inputs]
    with torch.autocast(device_type=inputs[0].device.type, enabled=False):
        if not any(wanted):
            with torch.no_grad():
                return compute(wanted)[0]
        scalar: Tensor = _FormedGradients.apply(compute, wanted, *inputs)  # type: ignore[no-untyped-call]
        return scalar


class _FormedGradients(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, compute: Compute, wanted: Sequence[bool], *inputs: Tensor) -> Tensor:
        scalar, gradients = compute(wanted)
        ctx.count = len(inputs)
        ctx.save_for_backward(*inputs, *gradients)
        return scalar

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        inputs, formed = ctx.saved_tensors[: ctx.count], ctx.saved_tensors[ctx.count :]
        # Where the loss is not scaled, as is usual, the gradients themselves go on: torch adds to
        # a tensor in place only where nothing else, such as this node, holds it.
        as_formed = upstream.device.type == "cpu" and upstream.item() == 1.0
        scaled = [g if g is None or as_formed else g * upstream for g in formed]
        if torch.is_grad_enabled():  # a graph of the gradients is being recorded
            anchor = [x for x in inputs if x.requires_grad]
            scaled = [g if g is None else _without_second(g, anchor) for g in scaled]
        return (None, None, *scaled)


def _without_second(gradient: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    attached: Tensor = _NoSecond.apply(gradient, *inputs)  # type: ignore[no-untyped-call]
    return attached


class _NoSecond(torch.autograd.Function):
    """A gradient that knows it depends on its inputs, and refuses to say how."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, *_: Tensor) -> Tensor:
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Tensor, ...]:
        raise ObjectiveError(
            "the tiled form forms its gradients in the forward pass and cannot be differentiated "
            "twice; choose form='direct'"
        )
