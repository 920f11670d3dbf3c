"""The contrastive loss against its definition, written loop by loop in float64."""

from __future__ import annotations

import pytest
import torch
from polymodal_losses.contrastive import pairwise_contrastive
from polymodal_losses.inputs import check_inputs
from polymodal_losses.output import LossOutput
from polymodal_losses.pairs import resolve_pairs
from torch import Tensor

from .reference import Case, contrastive_pair, contrastive_total, random_case, unit


def score(case: Case, embeddings: dict[str, Tensor] | None = None) -> LossOutput:
    inputs = check_inputs(
        case.embeddings if embeddings is None else embeddings,
        present=case.present,
        groups=case.groups,
    )
    scale = torch.tensor(1 / case.temperature, dtype=inputs.dtype)
    weights = resolve_pairs(case.embeddings, case.pairs)
    return pairwise_contrastive(inputs, scale, weights=weights)


def everywhere(batch: int, *columns: str) -> dict[str, Tensor]:
    return {column: torch.ones(batch, dtype=torch.bool) for column in columns}


@pytest.mark.parametrize("seed", range(120))
def test_equals_the_definition(seed: int) -> None:
    case = random_case(seed)
    output = score(case)
    assert output.total.item() == pytest.approx(contrastive_total(case), rel=1e-9, abs=1e-9)
    for (a, b), part in output.parts.items():
        loss, anchors = contrastive_pair(case, a, b)
        assert part.item() == pytest.approx(loss, rel=1e-9, abs=1e-9)
        assert int(output.anchors[a, b]) == anchors


def test_the_random_cases_reach_the_corners() -> None:
    cases = [random_case(seed) for seed in range(120)]
    anchors = [int(n) for case in cases for n in score(case).anchors.values()]
    assert anchors.count(0) > 20
    assert anchors.count(1) > 20
    assert sum(case.groups is not None and bool((case.groups < 0).any()) for case in cases) > 20
    assert sum(any(not rows.any() for rows in case.present.values()) for case in cases) > 20
    assert (
        sum(len(row.unique(dim=0)) < len(row) for c in cases for row in c.embeddings.values()) > 20
    )
    assert sum(case.pairs is not None for case in cases) > 20


@pytest.mark.parametrize("seed", range(1, 8))
def test_gradients_equal_finite_differences(seed: int) -> None:
    case = random_case(seed)
    names = list(case.embeddings)
    leaves = [case.embeddings[name].clone().requires_grad_() for name in names]
    log_scale = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    weights = resolve_pairs(names, case.pairs)

    def total(log_scale: Tensor, *columns: Tensor) -> Tensor:
        given = dict(zip(names, columns, strict=True))
        inputs = check_inputs(given, present=case.present, groups=case.groups)
        return pairwise_contrastive(inputs, log_scale.exp(), weights=weights).total

    assert torch.autograd.gradcheck(total, (log_scale, *leaves), atol=1e-7, fast_mode=True)


@pytest.mark.parametrize("seed", range(10))
def test_order_of_rows_is_irrelevant(seed: int) -> None:
    case = random_case(seed)
    batch = next(iter(case.embeddings.values())).shape[0]
    order = torch.randperm(batch, generator=torch.Generator().manual_seed(seed))
    shuffled = Case(
        {name: z[order] for name, z in case.embeddings.items()},
        {name: rows[order] for name, rows in case.present.items()},
        None if case.groups is None else case.groups[order],
        case.pairs,
        case.temperature,
    )
    assert score(shuffled).total.item() == pytest.approx(score(case).total.item(), rel=1e-12)


@pytest.mark.parametrize("garbage", [0.0, float("nan"), float("inf"), 1e30])
@pytest.mark.parametrize("seed", range(6))
def test_absent_rows_change_neither_value_nor_gradient(seed: int, garbage: float) -> None:
    case = random_case(seed)
    padding = 3
    padded = Case(
        {
            name: torch.cat([z, torch.full((padding, z.shape[1]), garbage, dtype=z.dtype)])
            for name, z in case.embeddings.items()
        },
        {
            name: torch.cat([rows, torch.zeros(padding, dtype=torch.bool)])
            for name, rows in case.present.items()
        },
        None if case.groups is None else torch.cat([case.groups, torch.tensor([0, 1, -1])]),
        case.pairs,
        case.temperature,
    )
    for name, rows in padded.present.items():
        padded.embeddings[name][~rows] = garbage
    plain = {name: z.clone().requires_grad_() for name, z in case.embeddings.items()}
    dirty = {name: z.clone().requires_grad_() for name, z in padded.embeddings.items()}
    expected, output = score(case, plain), score(padded, dirty)
    assert output.total.item() == expected.total.item()
    expected.total.backward()
    output.total.backward()
    for name, z in dirty.items():
        assert z.grad is not None
        assert torch.equal(z.grad[:-padding], plain[name].grad)  # type: ignore[arg-type]
        assert not z.grad[~padded.present[name]].any()


def test_a_row_with_one_side_is_a_negative_but_no_anchor() -> None:
    axes = torch.eye(3, dtype=torch.float64)
    present = everywhere(3, "a", "b") | {"a": torch.tensor([True, True, False])}
    output = score(Case({"a": axes, "b": axes}, present, None, None, temperature=1.0))
    forward = torch.tensor([1.0, 0.0, 0.0]).double().logsumexp(0) - 1  # three candidates
    backward = torch.tensor([1.0, 0.0]).double().logsumexp(0) - 1  # only two rows have `a`
    assert output.total.item() == pytest.approx(((forward + backward) / 2).item(), rel=1e-12)
    assert int(output.anchors["a", "b"]) == 2


def test_one_present_row_costs_exactly_nothing() -> None:
    only = torch.tensor([False, True, False])
    z = {"a": unit(3, 4, seed=1).float(), "b": unit(3, 4, seed=2).float()}
    leaves = {name: value.requires_grad_() for name, value in z.items()}
    output = score(Case(leaves, {"a": only, "b": only}, None, None, temperature=0.01))
    output.total.backward()
    assert output.total.item() == 0.0
    assert all(not leaf.grad.any() for leaf in leaves.values() if leaf.grad is not None)
    assert int(output.anchors["a", "b"]) == 1


def test_a_duplicated_item_costs_nothing_extra_within_its_group() -> None:
    # Perfect embeddings, one item twice in a batch of 4: without groups, two of four anchors
    # cannot tell their positive from its copy and cost log 2 each: 0.347 on average.
    items = torch.eye(3, dtype=torch.float64)[[0, 0, 1, 2]]
    both = {"a": items, "b": items}
    ungrouped = score(Case(both, everywhere(4, "a", "b"), None, None, temperature=0.01))
    assert ungrouped.total.item() == pytest.approx(0.347, abs=5e-4)
    groups = torch.tensor([0, 0, 1, 2])
    grouped = score(Case(both, everywhere(4, "a", "b"), groups, None, temperature=0.01))
    assert grouped.total.item() < 1e-12


def test_an_anchor_whose_candidates_are_all_its_own_group_costs_nothing() -> None:
    z = {"a": unit(4, 3, seed=1).requires_grad_(), "b": unit(4, 3, seed=2).requires_grad_()}
    present = {"a": torch.ones(4, dtype=torch.bool), "b": torch.tensor([True, True, False, False])}
    output = score(Case(z, present, torch.zeros(4, dtype=torch.int64), None, temperature=0.1))
    output.total.backward()
    assert output.total.item() == pytest.approx(0.0, abs=1e-12)
    assert all(bool(leaf.grad.isfinite().all()) for leaf in z.values() if leaf.grad is not None)


def test_parts_are_unweighted_and_carry_no_graph() -> None:
    z = {name: unit(5, 4, seed=i).requires_grad_() for i, name in enumerate("abc")}
    pairs = {("b", "a"): 2.0, ("a", "c"): 0.5}
    output = score(Case(z, everywhere(5, *"abc"), None, pairs, temperature=0.2))
    assert list(output.parts) == [("b", "a"), ("a", "c")]
    weighted = 2.0 * output.parts["b", "a"] + 0.5 * output.parts["a", "c"]
    assert output.total.item() == pytest.approx(weighted.item(), rel=1e-12)
    assert output.total.requires_grad
    assert not any(part.requires_grad for part in output.parts.values())


def test_float32_at_the_sharpest_temperature_stays_close_to_float64() -> None:
    z = {name: unit(64, 32, seed=i) for i, name in enumerate("ab")}
    exact = score(Case(z, everywhere(64, "a", "b"), None, None, temperature=0.01)).total.item()
    single = {name: value.float() for name, value in z.items()}
    output = score(Case(single, everywhere(64, "a", "b"), None, None, temperature=0.01))
    assert output.total.dtype == torch.float32
    assert output.total.item() == pytest.approx(exact, rel=2e-6)
