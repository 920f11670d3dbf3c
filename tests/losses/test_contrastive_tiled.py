"""The tiled form of PCMC equals the direct one, whatever the tiles."""

from __future__ import annotations

import pytest
import torch
from polymodal_losses.contrastive import direct_contrastive
from polymodal_losses.contrastive_tiled import tiled_contrastive
from polymodal_losses.inputs import check_inputs
from polymodal_losses.output import LossOutput
from polymodal_losses.pair_sweep import TiledOptions
from polymodal_losses.pairs import resolve_pairs
from polymodal_losses.tiles import TileShape
from torch import Tensor

from .reference import Case, contrastive_pair, contrastive_total, random_case, unit

SHAPES: tuple[TileShape | None, ...] = (None, (2, 3), (5, 2), (3, 100))


def score(
    case: Case,
    *,
    shape: TileShape | None = None,
    direct: bool = False,
    dtype: torch.dtype = torch.float64,
    matmul: bool = False,
) -> tuple[LossOutput, list[Tensor]]:
    """Score a case and give the gradients of the logit scale and of every column."""
    leaves = {n: z.to(dtype).clone().requires_grad_() for n, z in case.embeddings.items()}
    scale = torch.tensor(1 / case.temperature, dtype=dtype, requires_grad=True)
    inputs = check_inputs(leaves, present=case.present, groups=case.groups)
    weights = resolve_pairs(leaves, case.pairs)
    if direct:
        output = direct_contrastive(inputs, scale, weights=weights)
    else:
        options = TiledOptions("bfloat16" if matmul else None, shape)
        output = tiled_contrastive(inputs, scale, weights=weights, options=options)
    output.total.backward()
    found = [scale.grad, *(leaf.grad for leaf in leaves.values())]
    assert all(grad is not None for grad in found)
    return output, [grad for grad in found if grad is not None]


@pytest.mark.parametrize("shape", SHAPES)
def test_equals_the_definition(shape: TileShape | None) -> None:
    for seed in range(30):
        case = random_case(seed)
        output, _ = score(case, shape=shape)
        assert output.total.item() == pytest.approx(contrastive_total(case), rel=1e-9, abs=1e-9)
        for (a, b), part in output.parts.items():
            loss, anchors = contrastive_pair(case, a, b)
            assert part.item() == pytest.approx(loss, rel=1e-9, abs=1e-9)
            assert int(output.anchors[a, b]) == anchors
            assert not part.requires_grad


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_equal_those_of_the_direct_form(shape: TileShape | None) -> None:
    for seed in range(30, 60):
        case = random_case(seed)
        output, found = score(case, shape=shape)
        reference, expected = score(case, direct=True)
        assert output.total.item() == pytest.approx(reference.total.item(), rel=1e-9, abs=1e-9)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_larger_batches_with_blocks_that_do_not_divide_them() -> None:
    generator = torch.Generator().manual_seed(0)
    z = {name: unit(301, 24, seed=i) for i, name in enumerate("abc")}
    present = {name: torch.rand(301, generator=generator) > 0.2 for name in z}
    groups = torch.randint(-3, 60, (301,), generator=generator)
    case = Case(z, present, groups, {("c", "a"): 0.3, ("a", "b"): 2.0}, temperature=0.05)
    reference, expected = score(case, direct=True)
    for shape in (None, (64, 64), (77, 130), (301, 50), (40, 301), (512, 512)):
        output, found = score(case, shape=shape)
        assert output.total.item() == pytest.approx(reference.total.item(), rel=1e-12)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("temperature", [0.02, 0.01, 0.001])
def test_large_logit_scales_in_float32(temperature: float) -> None:
    # At 0.001 logits reach 1000: exp overflows float32 beyond 88, float64 beyond 709.
    z = {"a": unit(90, 8, seed=1), "b": unit(90, 8, seed=2)}
    present = {name: torch.ones(90, dtype=torch.bool) for name in z}
    present["b"][7:20] = False
    case = Case(z, present, torch.arange(90) // 3, None, temperature)
    reference, expected = score(case, direct=True)
    assert reference.total.item() == pytest.approx(contrastive_total(case), rel=1e-9)
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-3)):
        output, found = score(case, shape=(32, 40), dtype=dtype)
        assert output.total.item() == pytest.approx(reference.total.item(), rel=tolerance / 100)
        for one, other in zip(found, expected, strict=True):
            scale = float(other.abs().max())
            torch.testing.assert_close(one.double(), other, rtol=0, atol=tolerance * scale)


def test_vectors_of_any_length_are_scored() -> None:
    z = {"a": 30 * unit(40, 8, seed=1), "b": 5 * unit(40, 8, seed=2)}
    present = {name: torch.ones(40, dtype=torch.bool) for name in z}
    case = Case(z, present, None, None, temperature=0.1)  # logits up to 1500
    output, found = score(case, shape=(16, 16))
    reference, expected = score(case, direct=True)
    assert output.total.item() == pytest.approx(reference.total.item(), rel=1e-12)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_a_nearly_perfect_space_keeps_its_digits_in_float32() -> None:
    z = unit(64, 64, seed=1)
    present = {name: torch.ones(64, dtype=torch.bool) for name in "ab"}
    case = Case({"a": z, "b": z}, present, None, None, temperature=0.03)
    exact = contrastive_total(case)
    assert 0 < exact < 1e-7  # far below the rounding of 1/0.03 in float32
    output, _ = score(case, dtype=torch.float32)
    assert output.total.item() == pytest.approx(exact, rel=1e-3)


def test_one_candidate_costs_exactly_nothing() -> None:
    z = {"a": unit(3, 4, seed=1), "b": unit(3, 4, seed=2)}
    only = torch.tensor([False, True, False])
    for temperature in (0.07, 0.001):
        case = Case(z, {"a": only, "b": only}, None, None, temperature)
        for dtype in (torch.float32, torch.float64):
            output, found = score(case, dtype=dtype)
            assert output.total.item() == 0.0
            assert not any(grad.any() for grad in found)


def test_bfloat16_products_keep_the_stated_accuracy() -> None:
    base = unit(400, 64, seed=1)
    noisy = torch.nn.functional.normalize(base + 1.5 * unit(400, 64, seed=2), dim=1)
    apart = unit(400, 64, seed=3)
    for other in (noisy, apart):
        z = {"a": base, "b": other}
        present = {name: torch.ones(400, dtype=torch.bool) for name in z}
        for temperature in (0.07, 0.02):
            case = Case(z, present, None, None, temperature)
            reference, expected = score(case, direct=True)
            output, found = score(case, dtype=torch.float32, matmul=True, shape=(128, 256))
            assert output.total.dtype == torch.float32
            assert output.total.item() == pytest.approx(reference.total.item(), rel=5e-3)
            assert output.total.item() != pytest.approx(reference.total.item(), rel=1e-9)
            for one, wanted in zip(found, expected, strict=True):
                assert float((one.double() - wanted).norm() / wanted.norm()) < 2e-2


def test_only_wanted_gradients_are_formed() -> None:
    case = random_case(3)
    z = {name: value.clone() for name, value in case.embeddings.items()}
    first, *others = z
    z[first].requires_grad_()
    inputs = check_inputs(z, present=case.present, groups=case.groups)
    scale = torch.tensor(1 / case.temperature, dtype=torch.float64)
    weights = resolve_pairs(z, case.pairs)
    output = tiled_contrastive(inputs, scale, weights=weights)
    output.total.backward()
    assert z[first].grad is not None
    torch.testing.assert_close(z[first].grad, score(case)[1][1], rtol=1e-12, atol=1e-12)
    assert all(z[name].grad is None for name in others)
    with torch.no_grad():
        assert not tiled_contrastive(inputs, scale, weights=weights).total.requires_grad


@pytest.mark.parametrize("garbage", [float("nan"), float("inf")])
def test_absent_rows_change_nothing(garbage: float) -> None:
    for seed in range(8):
        case = random_case(seed)
        dirty = Case(**{**case.__dict__, "embeddings": {}})
        for name, rows in case.present.items():
            dirty.embeddings[name] = case.embeddings[name].clone()
            dirty.embeddings[name][~rows] = garbage
        output, found = score(dirty, shape=(2, 3))
        reference, expected = score(case, shape=(2, 3))
        assert output.total.item() == reference.total.item()
        assert all(torch.equal(*both) for both in zip(found, expected, strict=True))


def test_a_nan_in_a_present_row_is_not_hidden() -> None:
    z = {"a": unit(6, 4, seed=1), "b": unit(6, 4, seed=2)}
    z["a"][2, 0] = float("nan")
    present = {name: torch.ones(6, dtype=torch.bool) for name in z}
    output, _ = score(Case(z, present, None, None, 0.07), shape=(2, 2))
    assert bool(output.total.isnan())
