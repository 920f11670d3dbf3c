"""The PCMR module: options, border, precision, and a space learned with it."""

from __future__ import annotations

import math

import pytest
import torch
from polymodal_losses import PCMR, LossOutput
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.form import Form
from polymodal_losses.regression import DIRECT_BATCH, Power
from polymodal_losses.target_rule import TargetRule
from torch import Tensor

from .reference import random_case, unit
from .regression_reference import regression_total


def columns(batch: int = 6, dim: int = 5, *, names: str = "ab") -> dict[str, Tensor]:
    return {name: unit(batch, dim, seed=i) for i, name in enumerate(names)}


@pytest.mark.parametrize("power", ["frobenius", "elementwise"])
@pytest.mark.parametrize("target", ["groups", "embeddings"])
def test_equals_the_definition(power: Power, target: TargetRule) -> None:
    for seed in range(10):
        case = random_case(seed)
        loss = PCMR(power, target, rho=0.5, threshold=0.6, pairs=case.pairs)
        groups = case.groups if target == "groups" else None
        output: LossOutput = loss(case.embeddings, present=case.present, groups=groups)
        expected = regression_total(case, power=power, rho=0.5, rule=target, threshold=0.6)
        assert output.total.dtype == torch.float64
        assert output.total.item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_defaults() -> None:
    loss, z = PCMR(), columns()
    difference = z["a"] @ z["b"].T - torch.eye(6)
    assert loss(z).total.item() == pytest.approx(float((difference.abs() ** 3).sum()), rel=1e-12)
    assert list(loss.parameters()) == []
    assert repr(loss) == (
        "PCMR(power=elementwise, target=groups, rho=1, threshold=0.99, pairs=None)"
    )


@pytest.mark.parametrize("power", ["frobenius", "elementwise"])
def test_auto_is_direct_for_small_batches_only(power: Power) -> None:
    for batch, direct in ((DIRECT_BATCH, True), (DIRECT_BATCH + 1, False)):
        leaf = unit(batch, 3, seed=1).requires_grad_()
        total = PCMR(power)({"a": leaf, "b": unit(batch, 3, seed=2)}).total
        (slope,) = torch.autograd.grad(total, leaf, create_graph=True)
        if direct:
            torch.autograd.grad(slope.sum(), leaf)
        else:
            with pytest.raises(ObjectiveError, match="cannot be differentiated twice"):
                torch.autograd.grad(slope.sum(), leaf)


@pytest.mark.parametrize("form", ["direct", "tiled"])
@pytest.mark.parametrize("power", ["frobenius", "elementwise"])
def test_half_precision_is_scored_in_float32_and_autocast_stays_outside(
    form: Form, power: Power
) -> None:
    loss = PCMR(power, form=form)
    z = {name: value.bfloat16() for name, value in columns(40, 16).items()}
    exact = loss({name: value.double() for name, value in z.items()}).total.item()
    found = []
    for outside in (False, True):
        leaves = {name: value.clone().requires_grad_() for name, value in z.items()}
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=outside):
            output = loss(leaves)
            output.total.backward()
        assert output.total.dtype == torch.float32
        assert output.total.item() == pytest.approx(exact, rel=1e-5)
        found.append([leaf.grad for leaf in leaves.values()])
    for one, other in zip(*found, strict=True):
        assert one is not None
        assert one.dtype == torch.bfloat16
        assert torch.equal(one, other)


def test_no_gradient_flows_through_the_target() -> None:
    # Two rows match through `a` alone; moving `a` moves S, and would move a soft target.
    near = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.05]]).double(), dim=1)
    z = {"a": near.requires_grad_(), "b": torch.eye(2).double()}
    PCMR(target="embeddings", rho=0.0)(z).total.backward()
    expected = 2 * (near.detach() - 1)  # S = a, T = 1 everywhere
    assert z["a"].grad is not None
    torch.testing.assert_close(z["a"].grad, expected)


@pytest.mark.parametrize("form", ["direct", "tiled"])
@pytest.mark.parametrize("power", ["frobenius", "elementwise"])
def test_columns_outside_the_pairs_shape_the_target_and_get_no_gradient(
    form: Form, power: Power
) -> None:
    z = columns(names="abc")
    z["c"][:] = z["c"][0]  # every row matches every other
    leaves = {name: value.requires_grad_() for name, value in z.items()}
    loss = PCMR(power, "embeddings", pairs={("a", "b"): 1.0}, form=form)
    output = loss(leaves)
    output.total.backward()
    difference = (z["a"] @ z["b"].T - 1).detach()
    cubed = difference.norm() ** 3 if power == "frobenius" else (difference.abs() ** 3).sum()
    assert output.total.item() == pytest.approx(float(cubed), rel=1e-12)
    assert leaves["c"].grad is not None
    assert not leaves["c"].grad.any()


def test_pairs_are_weighted() -> None:
    z = columns(names="abc")
    output = PCMR(pairs={("b", "a"): 2.0, ("a", "c"): 0.5})(z)
    weighted = 2.0 * output.parts["b", "a"] + 0.5 * output.parts["a", "c"]
    assert output.total.item() == pytest.approx(weighted.item(), rel=1e-12)


@pytest.mark.parametrize("form", ["direct", "tiled"])
@pytest.mark.parametrize("power", ["frobenius", "elementwise"])
def test_an_empty_batch_costs_nothing(form: Form, power: Power) -> None:
    z = {name: value.requires_grad_() for name, value in columns(0).items()}
    rules: tuple[TargetRule, ...] = ("groups", "embeddings")
    for target in rules:
        output = PCMR(power, target, form=form)(z)
        output.total.backward()
        assert output.total.item() == 0.0


@pytest.mark.parametrize("form", ["direct", "tiled"])
@pytest.mark.parametrize("power", ["frobenius", "elementwise"])
def test_a_nan_in_a_present_row_is_not_hidden(form: Form, power: Power) -> None:
    rules: tuple[TargetRule, ...] = ("groups", "embeddings")
    for target in rules:
        z = columns(40, 5)
        z["a"][2, 0] = float("nan")
        assert math.isnan(PCMR(power, target, form=form)(z).total.item())


@pytest.mark.parametrize("form", ["direct", "tiled"])
@pytest.mark.parametrize("power", ["frobenius", "elementwise"])
def test_a_space_is_learned_from_incomplete_rows(power: Power, form: Form) -> None:
    torch.manual_seed(0)
    inputs = {name: torch.randn(24, 12) for name in "abc"}
    present = {name: torch.rand(24) > 0.3 for name in "abc"}
    heads = torch.nn.ModuleDict({name: torch.nn.Linear(12, 32) for name in "abc"})
    loss = PCMR(power, form=form)
    history = []
    for _ in range(40):
        z = {n: torch.nn.functional.normalize(heads[n](x), dim=-1) for n, x in inputs.items()}
        total = loss(z, present=present).total
        gradients = torch.autograd.grad(total, list(heads.parameters()))
        step = 0.02 if power == "frobenius" else 0.1
        with torch.no_grad():
            for parameter, gradient in zip(heads.parameters(), gradients, strict=True):
                parameter.sub_(step * gradient)
        history.append(total.item())
    assert history[-1] < history[0] / 3


def test_groups_beside_a_target_of_embeddings_are_refused() -> None:
    with pytest.raises(ObjectiveError, match="groups are given, but target is embeddings"):
        PCMR(target="embeddings")(columns(), groups=torch.zeros(6, dtype=torch.int64))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"power": "cubic"}, "power is 'cubic'; wanted one of frobenius, elementwise"),
        ({"target": "labels"}, "target is 'labels'"),
        ({"rho": -1.0}, "rho is -1.0; wanted a finite number >= 0"),
        ({"rho": math.inf}, "rho is inf"),
        ({"threshold": 1.5}, "threshold is 1.5"),
        ({"form": "gram"}, "form is 'gram'"),
        ({"pairs": {}}, "pairs is empty"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ObjectiveError, match=message):
        PCMR(**options)  # type: ignore[arg-type]
