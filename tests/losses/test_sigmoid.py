"""The sigmoid loss: both forms against the definition, and against finite differences."""

from __future__ import annotations

import pytest
import torch
from polymodal_losses.inputs import check_inputs
from polymodal_losses.output import LossOutput
from polymodal_losses.pair_sweep import TiledOptions
from polymodal_losses.pairs import resolve_pairs
from polymodal_losses.sigmoid import direct_sigmoid, tiled_sigmoid
from polymodal_losses.tiles import TileShape
from torch import Tensor

from .reference import Case, random_case, unit
from .sigmoid_reference import sigmoid_pair, sigmoid_total

SHAPES: tuple[TileShape | None, ...] = (None, (2, 3), (5, 2), (3, 100))
BIASES = (-10.0, -1.0, 0.5)


def score(
    case: Case,
    bias: float,
    *,
    shape: TileShape | None = None,
    direct: bool = False,
    dtype: torch.dtype = torch.float64,
) -> tuple[LossOutput, list[Tensor]]:
    """Score a case and give the gradients of the logit scale, the bias and of every column."""
    leaves = {n: z.to(dtype).clone().requires_grad_() for n, z in case.embeddings.items()}
    scale = torch.tensor(1 / case.temperature, dtype=dtype, requires_grad=True)
    shift = torch.tensor(bias, dtype=dtype, requires_grad=True)
    inputs = check_inputs(leaves, present=case.present, groups=case.groups)
    weights = resolve_pairs(leaves, case.pairs)
    if direct:
        output = direct_sigmoid(inputs, scale, shift, weights=weights)
    else:
        options = TiledOptions(shape=shape)
        output = tiled_sigmoid(inputs, scale, shift, weights=weights, options=options)
    output.total.backward()
    found = [scale.grad, shift.grad, *(leaf.grad for leaf in leaves.values())]
    return output, [grad for grad in found if grad is not None]


@pytest.mark.parametrize("direct", [True, False])
def test_equals_the_definition(direct: bool) -> None:
    for seed in range(30):
        case, bias = random_case(seed), BIASES[seed % 3]
        output, _ = score(case, bias, direct=direct, shape=SHAPES[seed % 4])
        assert output.total.item() == pytest.approx(sigmoid_total(case, bias), rel=1e-9, abs=1e-12)
        for (a, b), part in output.parts.items():
            loss, anchors = sigmoid_pair(case, a, b, bias)
            assert part.item() == pytest.approx(loss, rel=1e-9, abs=1e-12)
            assert int(output.anchors[a, b]) == anchors
            assert not part.requires_grad
            if anchors == 0:
                assert part.item() == 0.0


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_of_the_tiled_form_equal_those_of_the_direct_one(shape: TileShape | None) -> None:
    for seed in range(30, 60):
        case, bias = random_case(seed), BIASES[seed % 3]
        output, found = score(case, bias, shape=shape)
        reference, expected = score(case, bias, direct=True)
        assert output.total.item() == pytest.approx(reference.total.item(), rel=1e-9, abs=1e-12)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("direct", [True, False])
def test_gradients_equal_finite_differences(direct: bool) -> None:
    step = 1e-5
    for seed in (0, 3, 5, 11):
        case = random_case(seed)
        case.temperature = max(case.temperature, 0.07)
        _, (to_scale, to_bias, *to_columns) = score(case, -1.0, direct=direct, shape=(2, 3))

        def total(case: Case = case, bias: float = -1.0) -> float:
            return sigmoid_total(case, bias)

        difference = (total(bias=-1.0 + step) - total(bias=-1.0 - step)) / (2 * step)
        assert to_bias.item() == pytest.approx(difference, rel=1e-5, abs=1e-7)
        scale = 1 / case.temperature
        ends = [
            total(Case(**{**case.__dict__, "temperature": 1 / (scale + sign * step)}))
            for sign in (1, -1)
        ]
        assert to_scale.item() == pytest.approx(
            (ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-7
        )
        for (name, z), gradient in zip(case.embeddings.items(), to_columns, strict=True):
            ends = []
            for sign in (1, -1):
                moved = z.clone()
                moved[0, 0] += sign * step
                changed = {**case.embeddings, name: moved}
                ends.append(total(Case(**{**case.__dict__, "embeddings": changed})))
            difference = (ends[0] - ends[1]) / (2 * step)
            assert gradient[0, 0].item() == pytest.approx(difference, rel=1e-5, abs=1e-7)


def test_larger_batches_in_float32() -> None:
    generator = torch.Generator().manual_seed(0)
    z = {name: unit(301, 24, seed=i) for i, name in enumerate("abc")}
    present = {name: torch.rand(301, generator=generator) > 0.2 for name in z}
    groups = torch.randint(-3, 60, (301,), generator=generator)
    case = Case(z, present, groups, {("c", "a"): 0.3, ("a", "b"): 2.0}, temperature=0.05)
    reference, expected = score(case, -10.0, direct=True)
    for shape in (None, (64, 64), (77, 130), (301, 50)):
        output, found = score(case, -10.0, shape=shape, dtype=torch.float32)
        assert output.total.item() == pytest.approx(reference.total.item(), rel=1e-5)
        for one, other in zip(found, expected, strict=True):
            largest = float(other.abs().max())
            torch.testing.assert_close(one.double(), other, rtol=0, atol=1e-5 * largest)


@pytest.mark.parametrize("direct", [True, False])
def test_a_batch_without_a_pair_is_exactly_nothing(direct: bool) -> None:
    z = {"a": unit(6, 4, seed=1), "b": unit(6, 4, seed=2)}
    first = torch.arange(6) < 3
    for present in ({"a": first, "b": ~first}, {"a": first, "b": first & False}):
        output, found = score(Case(z, present, None, None, 0.1), -10.0, direct=direct)
        assert output.total.item() == 0.0
        assert len(found) == 4
        assert not any(gradient.any() for gradient in found)


@pytest.mark.parametrize("direct", [True, False])
def test_what_absent_rows_hold_changes_nothing(direct: bool) -> None:
    for seed in range(8):
        case = random_case(seed)
        dirty = Case(**{**case.__dict__, "embeddings": {}})
        for name, rows in case.present.items():
            dirty.embeddings[name] = case.embeddings[name].clone()
            dirty.embeddings[name][~rows] = float("nan")
        output, found = score(dirty, -1.0, direct=direct, shape=(2, 3))
        reference, expected = score(case, -1.0, direct=direct, shape=(2, 3))
        assert output.total.item() == reference.total.item()
        assert all(torch.equal(*both) for both in zip(found, expected, strict=True))


def test_extreme_logits_overflow_nowhere() -> None:
    z = {"a": unit(40, 8, seed=1), "b": unit(40, 8, seed=2)}
    present = {name: torch.ones(40, dtype=torch.bool) for name in z}
    case = Case(z, present, None, None, temperature=0.001)
    for direct in (True, False):
        output, found = score(case, 50.0, direct=direct, dtype=torch.float32)
        assert output.total.item() == pytest.approx(sigmoid_total(case, 50.0), rel=1e-5)
        assert all(bool(gradient.isfinite().all()) for gradient in found)
