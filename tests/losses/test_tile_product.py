"""Products of tiles agree, whichever library computes them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from polymodal_losses import tile_product
from polymodal_losses.tile_product import add_product, product
from torch import Tensor

from .reference import unit


@pytest.fixture(params=[True, False], ids=["onednn", "mkl"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    takes = bool(request.param) and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    monkeypatch.setattr(tile_product, "_prefers_onednn", lambda: takes)
    return takes


def operands(dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
    left, right = unit(5, 7, seed=1).to(dtype), unit(3, 7, seed=2).to(dtype)
    turned = left.T.contiguous().T, right.T.contiguous().T
    return [(left, right), (turned[0], right), (left, turned[1]), turned]


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-14), (torch.bfloat16, 1e-2)]
)
def test_product_equals_the_definition(dtype: torch.dtype, tolerance: float) -> None:
    for left, right in operands(dtype):
        exact = left.double() @ right.double().T
        out = torch.full((5, 3), float("nan"), dtype=dtype)
        for made in (product(left, right), product(left, right, out=out)):
            assert made.dtype == dtype
            torch.testing.assert_close(made.double(), exact, rtol=0, atol=tolerance)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_add_product_adds_in_the_precision_of_its_target(dtype: torch.dtype) -> None:
    kept = torch.float32 if dtype == torch.bfloat16 else dtype
    for left, right in operands(dtype):
        for target in (torch.ones(5, 3, dtype=kept), torch.ones(3, 5, dtype=kept).T):
            add_product(target, left, right, alpha=0.5)
            exact = 1 + 0.5 * (left.double() @ right.double().T)
            assert target.dtype == kept
            torch.testing.assert_close(target.double(), exact, rtol=0, atol=1e-2)


def test_float64_never_goes_through_a_float32_library(library: bool) -> None:
    left, right = operands(torch.float64)[0]
    assert torch.equal(product(left, right), left @ right.T)
    assert isinstance(library, bool)


@pytest.mark.parametrize("listing", ["vendor_id : GenuineIntel", "vendor_id : AuthenticAMD"])
def test_intel_processors_keep_mkl(listing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: listing)
    assert tile_product._is_intel() == ("Intel" in listing)
