"""The matrix product of the direct forms."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def full_precision_product(a: Tensor, b: Tensor) -> Tensor:
    """Multiply a [m, dim] by b [n, dim] transposed, in their own precision, backward too.

    Under an autocast that is on while `backward` is called, a plain product's gradient would be
    computed in half precision, wherever the product itself was.
    """
    product: Tensor = _Product.apply(a, b)  # type: ignore[no-untyped-call]
    return product


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        with torch.autocast(device_type=a.device.type, enabled=False):
            return a @ b.T

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, Tensor | None]:
        a, b = ctx.saved_tensors
        # Through this function again, so that second derivatives keep their precision as well.
        to_a = full_precision_product(upstream, b.T) if ctx.needs_input_grad[0] else None
        to_b = full_precision_product(upstream.T, a.T) if ctx.needs_input_grad[1] else None
        return to_a, to_b
