"""The regression loss against its definition, written loop by loop in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
import torch
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.form import Form
from polymodal_losses.inputs import check_inputs
from polymodal_losses.output import LossOutput
from polymodal_losses.pairs import resolve_pairs
from polymodal_losses.regression import (
    Power,
    RegressionOptions,
    check_power,
    direct_target,
    pairwise_regression,
)
from polymodal_losses.target_rule import TargetRule
from torch import Tensor

from .reference import Case, random_case, unit
from .regression_reference import matches, regression_pair, regression_total

FORMS: tuple[Literal["direct", "tiled"], ...] = ("direct", "tiled")
POWERS: tuple[Power, ...] = ("frobenius", "elementwise")
RULES: tuple[TargetRule, ...] = ("groups", "embeddings")


def score(
    case: Case,
    options: RegressionOptions,
    form: Form,
    embeddings: dict[str, Tensor] | None = None,
) -> LossOutput:
    given = case.embeddings if embeddings is None else embeddings
    groups = case.groups if options.target == "groups" else None
    inputs = check_inputs(given, present=case.present, groups=groups)
    weights = resolve_pairs(given, case.pairs)
    return pairwise_regression(inputs, weights=weights, options=options, form=form)


def options_of(seed: int, power: Power, rule: TargetRule) -> RegressionOptions:
    """Options that vary with the seed; the lower threshold finds matches among unlike rows."""
    return RegressionOptions(power, (1.0, 0.0, 0.5)[seed % 3], rule, (0.99, 0.4)[seed % 2])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("power", POWERS)
def test_equals_the_definition(power: Power, rule: TargetRule, form: Form) -> None:
    for seed in range(24):
        case, options = random_case(seed), options_of(seed, power, rule)
        named = {
            "power": power, "rho": options.rho, "rule": rule, "threshold": options.threshold
        }  # fmt: skip
        output = score(case, options, form)
        expected = regression_total(case, **named)  # type: ignore[arg-type]
        assert output.total.item() == pytest.approx(expected, rel=1e-9, abs=1e-9), seed
        for (a, b), part in output.parts.items():
            single = regression_pair(case, a, b, **named)  # type: ignore[arg-type]
            assert part.item() == pytest.approx(single, rel=1e-9, abs=1e-9), seed
            both = case.present[a] & case.present[b]
            assert int(output.anchors[a, b]) == int(both.sum())
            assert not part.requires_grad


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("power", POWERS)
def test_gradients_equal_finite_differences(power: Power, form: Form) -> None:
    for seed in (3, 5, 8):
        case, options = random_case(seed), options_of(seed, power, RULES[seed % 2])
        names = list(case.embeddings)
        leaves = [case.embeddings[name].clone().requires_grad_() for name in names]
        weights = resolve_pairs(names, case.pairs)
        compute = totals(case, options, form, weights)
        assert torch.autograd.gradcheck(compute, leaves, fast_mode=True), seed


def totals(
    case: Case, options: RegressionOptions, form: Form, weights: dict[tuple[str, str], float]
) -> Callable[..., Tensor]:
    def total(*columns: Tensor) -> Tensor:
        given = dict(zip(case.embeddings, columns, strict=True))
        groups = case.groups if options.target == "groups" else None
        inputs = check_inputs(given, present=case.present, groups=groups)
        return pairwise_regression(inputs, weights=weights, options=options, form=form).total

    return total


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("power", POWERS)
def test_both_forms_have_the_same_gradients(power: Power, rule: TargetRule) -> None:
    for seed in range(24, 48):
        case, options = random_case(seed), options_of(seed, power, rule)
        found = []
        for form in FORMS:
            leaves = {n: z.clone().requires_grad_() for n, z in case.embeddings.items()}
            score(case, options, form, leaves).total.backward()
            found.append([leaf.grad for leaf in leaves.values()])
        for direct, tiled in zip(*found, strict=True):
            assert direct is not None
            assert tiled is not None
            torch.testing.assert_close(tiled, direct, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rule", RULES)
def test_the_target_is_the_one_of_the_definition(rule: TargetRule) -> None:
    ones = 0
    for seed in range(30):
        case, options = random_case(seed), options_of(seed, "frobenius", rule)
        groups = case.groups if rule == "groups" else None
        inputs = check_inputs(case.embeddings, present=case.present, groups=groups)
        target = direct_target(inputs, options)
        rows = range(len(target))
        expected = [
            [matches(case, p, q, rule=rule, threshold=options.threshold) for q in rows]
            for p in rows
        ]
        assert target.tolist() == expected
        ones += int(target.sum()) - len(target)
    assert ones > 50


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("rho", [0.0, 1.0])
def test_without_a_complete_pair_it_costs_nothing(power: Power, rho: float, form: Form) -> None:
    z = {name: unit(4, 3, seed=i).requires_grad_() for i, name in enumerate("abc")}
    with torch.no_grad():
        z["b"][:] = float("nan")
    present = {name: torch.tensor([name == "a"] * 4) for name in z}
    case = Case(z, present, None, None, temperature=1.0)
    output = score(case, RegressionOptions(power, rho), form, z)
    output.total.backward()
    assert output.total.item() == 0.0
    assert [part.item() for part in output.parts.values()] == [0.0, 0.0, 0.0]
    assert all(
        torch.equal(v.grad, torch.zeros(4, 3).double()) for v in z.values() if v.grad is not None
    )
    assert all(v.grad is not None for v in z.values())


@pytest.mark.parametrize("form", FORMS)
def test_a_target_that_is_met_costs_nothing(form: Form) -> None:
    axes = torch.eye(3, 5, dtype=torch.float64)[[0, 0, 1, 2]]
    z = {name: axes.clone().requires_grad_() for name in "ab"}
    present = {name: torch.ones(4, dtype=torch.bool) for name in "ab"}
    for groups, rule in ((torch.tensor([7, 7, 1, 2]), "groups"), (None, "embeddings")):
        case = Case(z, present, groups, None, temperature=1.0)
        options = RegressionOptions(
            "frobenius", 1.0, "groups" if rule == "groups" else "embeddings"
        )
        output = score(case, options, form, z)
        output.total.backward()
        assert output.total.item() == 0.0
        assert all(not v.grad.any() for v in z.values() if v.grad is not None)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("rule", RULES)
def test_absent_rows_change_neither_value_nor_gradient(
    power: Power, rule: TargetRule, form: Form
) -> None:
    for seed in range(8):
        case, options = random_case(seed), options_of(seed, power, rule)
        dirty = {name: z.clone() for name, z in case.embeddings.items()}
        for name, rows in case.present.items():
            dirty[name][~rows] = (float("nan"), float("inf"), 1e30)[seed % 3]
        leaves = {name: z.requires_grad_() for name, z in dirty.items()}
        output = score(case, options, form, leaves)
        assert output.total.item() == pytest.approx(
            score(case, options, form).total.item(), rel=1e-12
        )
        output.total.backward()
        for name, leaf in leaves.items():
            assert leaf.grad is not None
            assert not leaf.grad[~case.present[name]].any()
            assert bool(leaf.grad.isfinite().all())


def test_rows_without_a_partner_still_match_their_group() -> None:
    # One row has only `a`, the other only `b`: no row has both, yet H is 1 between them.
    z = {"a": unit(2, 4, seed=1), "b": unit(2, 4, seed=2)}
    present = {"a": torch.tensor([True, False]), "b": torch.tensor([False, True])}
    cosine = float(z["a"][0] @ z["b"][1])
    for groups, wanted in ((torch.tensor([5, 5]), 1.0), (torch.tensor([5, 6]), 0.0)):
        output = score(Case(z, present, groups, None, 1.0), RegressionOptions(), "tiled")
        assert output.total.item() == pytest.approx(abs(cosine - wanted) ** 3, rel=1e-12)
        assert int(output.anchors["a", "b"]) == 0


@pytest.mark.parametrize(("power", "rho"), [("cubic", 1.0), ("frobenius", -0.5)])
def test_unknown_powers_are_refused(power: str, rho: float) -> None:
    with pytest.raises(ObjectiveError, match=f"{power}|{rho}"):
        check_power(power, rho)  # type: ignore[arg-type]
