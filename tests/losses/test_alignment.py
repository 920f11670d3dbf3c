"""Alignment of distributions against loops over Python floats, and finite differences."""

from __future__ import annotations

import math
from statistics import median

import pytest
import torch
from polymodal_core.testing import check_objective
from polymodal_losses.adversarial import DomainAdversarial, reversed_gradient
from polymodal_losses.discrepancy import MMD, squared_mmd
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.gaussian_divergence import KLDivergence
from polymodal_losses.transfer_config import (
    DomainAdversarialConfig,
    KLDivergenceConfig,
    MMDConfig,
)
from torch import Tensor, nn

from tests.losses.reference import Case, random_case, unit

Rows = list[list[float]]


def distance(x: list[float], y: list[float]) -> float:
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(x, y, strict=True)))


def mmd(x: Rows, y: Rows, scales: tuple[float, ...]) -> float:
    both = x + y
    apart = sorted(distance(both[i], both[j]) for i in range(len(both)) for j in range(i))
    middle = max(apart[(len(apart) - 1) // 2], 1e-6)  # the lower of two, as torch has it

    def kernel(a: list[float], b: list[float]) -> float:
        d = distance(a, b)
        return sum(math.exp(-(d**2) / (2 * (s * middle) ** 2)) for s in scales) / len(scales)

    m, n = len(x), len(y)
    inside_x = sum(kernel(x[i], x[j]) for i in range(m) for j in range(m) if i != j)
    inside_y = sum(kernel(y[i], y[j]) for i in range(n) for j in range(n) if i != j)
    across = sum(kernel(a, b) for a in x for b in y)
    return inside_x / (m * (m - 1)) + inside_y / (n * (n - 1)) - 2 * across / (m * n)


def kl(x: Rows, y: Rows, floor: float) -> float:
    total = 0.0
    for d in range(len(x[0])):
        moments = []
        for rows in (x, y):
            mean = sum(row[d] for row in rows) / len(rows)
            moments.append((mean, sum((row[d] - mean) ** 2 for row in rows) / len(rows) + floor))
        (ma, va), (mb, vb) = moments
        total += 0.5 * (math.log(vb / va) + (va + (ma - mb) ** 2) / vb - 1)
    return total


def rows_of(case: Case, column: str) -> Rows:
    held: Rows = case.embeddings[column][case.present[column]].tolist()
    return held


@pytest.mark.parametrize("seed", range(25))
def test_both_divergences_on_random_batches(seed: int) -> None:
    case = random_case(seed)
    scales = (0.5, 1.0, 2.0)
    for loss, reference in (
        (MMD(scales, pairs=case.pairs), lambda x, y: mmd(x, y, scales)),
        (
            KLDivergence(floor=1e-3, pairs=case.pairs),
            lambda x, y: (kl(x, y, 1e-3) + kl(y, x, 1e-3)) / 2,
        ),
        (
            KLDivergence(floor=1e-2, symmetric=False, pairs=case.pairs),
            lambda x, y: kl(x, y, 1e-2),
        ),
    ):
        output = loss(case.embeddings, present=case.present, groups=case.groups)
        total = 0.0
        for (a, b), part in output.parts.items():
            x, y = rows_of(case, a), rows_of(case, b)
            enough = min(len(x), len(y)) >= 2
            wanted = reference(x, y) if enough else 0.0  # type: ignore[no-untyped-call]
            assert float(part) == pytest.approx(wanted, abs=1e-9, rel=1e-9)
            assert int(output.anchors[a, b]) == (len(x) + len(y) if enough else 0)
            total += (1.0 if case.pairs is None else case.pairs[a, b]) * wanted
        assert float(output.total) == pytest.approx(total, abs=1e-8, rel=1e-9)


def test_the_median_is_the_lower_of_two() -> None:
    # What the reference assumes of torch, with an even number of distances.
    assert torch.tensor([4.0, 1.0, 3.0, 2.0]).median() == 2.0
    assert median([1.0, 2.0, 3.0]) == 2.0


@pytest.mark.parametrize("loss", [MMD(), KLDivergence(), KLDivergence(symmetric=False)])
def test_gradients_are_those_of_finite_differences(loss: nn.Module) -> None:
    present = {"a": torch.tensor([1, 1, 1, 0, 1]).bool(), "b": torch.tensor([1, 0, 1, 1, 1]).bool()}
    x, y = unit(5, 3, seed=1).requires_grad_(), unit(5, 3, seed=2).requires_grad_()
    if isinstance(loss, MMD):
        # The bandwidth takes no gradient: it has to be kept where differences are taken.
        both = torch.cat([x[present["a"]], y[present["b"]]]).detach()
        far = torch.cdist(both, both)[*torch.triu_indices(8, 8, offset=1)].median()

        def fixed(x: Tensor, y: Tensor) -> Tensor:
            both = torch.cat([x[present["a"]], y[present["b"]]])
            squared = (both[:, None] - both[None]).square().sum(dim=2)
            kernel = sum((-squared / (2 * (s * far) ** 2)).exp() for s in (0.5, 1.0, 2.0)) / 3
            assert isinstance(kernel, Tensor)
            off = ~torch.eye(4, dtype=torch.bool)
            inside = kernel[:4, :4][off].mean() + kernel[4:, 4:][off].mean()
            return inside - 2 * kernel[:4, 4:].mean()

        total = loss({"a": x, "b": y}, present=present).total
        mine = torch.autograd.grad(total, [x, y])
        theirs = torch.autograd.grad(fixed(x, y), [x, y])
        assert torch.autograd.gradcheck(fixed, [x, y])
        assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(mine, theirs, strict=True))
        return
    assert torch.autograd.gradcheck(
        lambda x, y: loss({"a": x, "b": y}, present=present).total, [x, y]
    )


def test_equal_distributions_are_near_zero_and_others_are_not() -> None:
    x, y = unit(400, 4, seed=1), unit(400, 4, seed=2)
    near = abs(float(squared_mmd(x, y, (1.0,))))
    far = float(squared_mmd(x, (y + 1.0) / 3, (1.0,)))
    assert near < 0.01
    assert far > 0.1
    collapsed = torch.ones(4, 3, dtype=torch.float64)
    assert float(squared_mmd(collapsed, collapsed, (1.0,))) == 0.0


def test_the_discriminator_learns_and_what_is_before_it_learns_the_opposite() -> None:
    torch.manual_seed(0)
    loss = DomainAdversarial(["a", "b"], dim=3, strength=0.5, ramp=0).double()
    z = {"a": unit(4, 3, seed=1).requires_grad_(), "b": unit(4, 3, seed=2).requires_grad_()}
    total = loss(z).total
    layers = loss.discriminators[0]
    scores = {name: layers(math.sqrt(3) * vectors)[:, 0] for name, vectors in z.items()}
    wanted = 0.0
    for name, sign in (("a", 1), ("b", -1)):
        losses = [math.log(1 + math.exp(-sign * float(score))) for score in scores[name]]
        wanted += sum(losses) / len(losses) / 2
    assert float(total) == pytest.approx(wanted, abs=1e-12)
    plain = (
        nn.functional.softplus(-scores["a"]).mean() + nn.functional.softplus(scores["b"]).mean()
    ) / 2
    parameters = list(layers.parameters())
    inputs = list(z.values())
    reversed_, straight = (
        torch.autograd.grad(value, [*inputs, *parameters]) for value in (total, plain)
    )
    for number, (mine, theirs) in enumerate(zip(reversed_, straight, strict=True)):
        factor = -0.5 if number < len(inputs) else 1.0
        assert torch.allclose(mine, factor * theirs, atol=1e-12)


def test_the_strength_rises_and_goes_with_the_checkpoint() -> None:
    loss = DomainAdversarial(["a", "b"], dim=2, strength=2.0, ramp=10)
    z = {"a": unit(3, 2), "b": unit(3, 2, seed=1)}
    found = []
    for _ in range(12):
        found.append(loss.current_strength)
        loss(z)
    assert found == sorted(found)
    assert found[0] == pytest.approx(2 * (2 / (1 + math.exp(-1.0)) - 1))
    assert found[-1] == found[-2] == pytest.approx(2 * (2 / (1 + math.exp(-10)) - 1))
    again = DomainAdversarial(["a", "b"], dim=2, strength=2.0, ramp=10)
    again.load_state_dict(loss.state_dict())
    assert again.current_strength == loss.current_strength
    with torch.no_grad():
        loss(z)
    assert int(loss.steps) == 12


def test_the_strength_waits_for_something_to_align() -> None:
    loss = DomainAdversarial(["a", "b"], dim=2, ramp=10)
    z = {"a": unit(3, 2), "b": torch.zeros(3, 2)}
    absent = {"a": None, "b": torch.zeros(3, dtype=torch.bool)}
    first = loss.current_strength
    for _ in range(5):  # a stage that sees one column
        assert float(loss(z, present=absent).total) == 0
    assert loss.current_strength == first
    loss({"a": unit(3, 2), "b": unit(3, 2, seed=1)})
    assert loss.current_strength > first


def test_reversal_leaves_values_alone() -> None:
    x = unit(2, 3)
    assert torch.equal(reversed_gradient(x, 3.0), x)


def test_bad_options_are_told() -> None:
    with pytest.raises(ObjectiveError, match="scales is"):
        MMD(())
    with pytest.raises(ObjectiveError, match="floor is 0"):
        KLDivergence(floor=0)
    with pytest.raises(ObjectiveError, match="strength is -1"):
        DomainAdversarial(["a", "b"], dim=2, strength=-1)
    with pytest.raises(ObjectiveError, match="ramp is -1"):
        DomainAdversarial(["a", "b"], dim=2, ramp=-1)


def test_contract() -> None:
    for config in (MMDConfig(), KLDivergenceConfig(), DomainAdversarialConfig()):
        check_objective(config, columns=["image", "text", "depth"])
