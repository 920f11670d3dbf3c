"""The tri-modal objective against its definition, and what happens at its edges."""

from __future__ import annotations

import math
from itertools import combinations, cycle
from typing import Any, cast

import pytest
import torch
from polymodal_losses import PCMC, PCMR, InfoNCE, LossOutput, Trimodal, trimodal
from polymodal_losses.config import TrimodalConfig
from polymodal_losses.errors import ObjectiveError
from pydantic import ValidationError
from torch import nn

from .reference import Case, contrastive_total, random_case, unit

OPTIONS: list[dict[str, Any]] = [
    {"symmetric": symmetric, "beta": beta, "collapse": collapse, "margin": margin}
    for symmetric in (True, False)
    for beta, collapse, margin in ((0.0, 0.0, 0.5), (3.0, 0.1, 0.5), (0.5, 2.0, -0.2))
]


def reference(
    case: Case, *, symmetric: bool, beta: float, collapse: float, margin: float
) -> tuple[float, dict[tuple[str, str], float]]:
    """The definition, loop by loop on Python's own floats."""
    weights = case.pairs or dict.fromkeys(combinations(case.embeddings, 2), 1.0)
    values = {name: z.tolist() for name, z in case.embeddings.items()}
    has = {name: rows.tolist() for name, rows in case.present.items()}
    batch = len(next(iter(values.values())))
    group = [-1 - p for p in range(batch)]
    if case.groups is not None:
        group = [g if g >= 0 else -1 - p for p, g in enumerate(case.groups.tolist())]

    def cosine(a: str, p: int, b: str, q: int) -> float:
        return math.fsum(x * y for x, y in zip(values[a][p], values[b][q], strict=True))

    def direction(a: str, b: str) -> float:
        losses = []
        for p in range(batch):
            if not (has[a][p] and has[b][p]):
                continue
            negatives = [q for q in range(batch) if has[b][q] and group[q] != group[p]]
            hard = [math.exp(beta * cosine(a, p, b, q)) for q in negatives]
            mean = math.fsum(hard) / len(hard) if hard else 1.0
            positive = cosine(a, p, b, p) / case.temperature
            terms = [1.0]
            for q, h in zip(negatives, hard, strict=True):
                logit = cosine(a, p, b, q) / case.temperature
                terms.append(h / mean * math.exp(logit - positive))
            losses.append(math.log(math.fsum(terms)))
        return math.fsum(losses) / len(losses) if losses else 0.0

    parts, penalties = {}, []
    for (a, b), weight in weights.items():
        parts[a, b] = (direction(a, b) + direction(b, a)) / 2 if symmetric else direction(a, b)
        entries = [
            max(0.0, cosine(a, p, b, q) - margin) ** 2
            for p in range(batch)
            for q in range(batch)
            if has[a][p] and has[b][q] and group[p] != group[q]
        ]
        if entries and weight > 0:
            penalties.append(math.fsum(entries) / len(entries))
    penalty = math.fsum(penalties) / len(penalties) if penalties else 0.0
    total = math.fsum(weights[pair] * part for pair, part in parts.items())
    return total + collapse * penalty, parts


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("seed", range(25))
def test_equals_the_definition(seed: int, options: dict[str, Any]) -> None:
    case = random_case(seed)
    loss = Trimodal(case.temperature, False, pairs=case.pairs, **options)
    output = loss(case.embeddings, present=case.present, groups=case.groups)
    total, parts = reference(case, **options)
    assert output.total.item() == pytest.approx(total, rel=1e-9, abs=1e-9)
    for pair, part in parts.items():
        assert output.parts[pair].item() == pytest.approx(part, rel=1e-9, abs=1e-9)
    plain = math.fsum((case.pairs or {}).get(pair, 1.0) * part for pair, part in parts.items())
    assert output.collapse.item() == pytest.approx(total - plain, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_without_its_own_terms_it_is_pcmc(seed: int) -> None:
    case = random_case(seed)
    output = Trimodal(case.temperature, False, collapse=0.0, pairs=case.pairs)(
        case.embeddings, present=case.present, groups=case.groups
    )
    assert output.total.item() == pytest.approx(contrastive_total(case), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("options", OPTIONS[:3])
def test_gradients_equal_finite_differences_with_the_hardness_held(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    names, batch = ("a", "b", "c"), 5
    given = {name: unit(batch, 3, seed=i) for i, name in enumerate(names)}
    present = {name: torch.arange(batch) != i for i, name in enumerate(names)}
    groups = torch.tensor([0, 0, 1, 2, -1])
    loss = Trimodal(0.3, True, **options).double()

    def score(*z: torch.Tensor) -> torch.Tensor:
        output: LossOutput = loss(dict(zip(names, z, strict=True)), present=present, groups=groups)
        return output.total

    leaves = [value.clone().requires_grad_() for value in given.values()]
    if options["beta"] == 0.0:
        assert torch.autograd.gradcheck(score, leaves)
        return
    # The weights of hard negatives are constants: they have to be held while z moves.
    held: list[torch.Tensor] = []
    original = trimodal._log_hardness

    def recorded(weights: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
        held.append(original(weights, negative))
        return held[-1]

    monkeypatch.setattr(trimodal, "_log_hardness", recorded)
    score(*leaves)
    replayed = cycle(held)
    monkeypatch.setattr(trimodal, "_log_hardness", lambda weights, negative: next(replayed))
    assert torch.autograd.gradcheck(score, leaves)


def test_the_temperature_learns() -> None:
    loss = Trimodal(0.5)
    loss({name: unit(6, 4, seed=i) for i, name in enumerate("abc")}).total.backward()
    assert loss.logit_scale.grad is not None
    assert loss.logit_scale.grad.item() != 0


def test_a_batch_without_a_complete_pair_gives_zero_and_zero_gradients() -> None:
    z = {name: unit(4, 3, seed=i).requires_grad_() for i, name in enumerate("ab")}
    present = {"a": torch.tensor([True, False, False, False]), "b": torch.zeros(4) > 0}
    output = Trimodal(beta=1.0)(z, present=present)
    output.total.backward()
    assert output.total.item() == 0.0
    assert all(value.grad is not None and not value.grad.any() for value in z.values())


def test_a_lone_row_has_no_negative_to_weight() -> None:
    z = {name: unit(1, 3, seed=i).requires_grad_() for i, name in enumerate("ab")}
    output = Trimodal(beta=2.0)(z)
    output.total.backward()
    assert output.total.item() == 0.0
    assert all(value.grad is not None and value.grad.isfinite().all() for value in z.values())


def test_a_collapsed_batch_is_punished_and_a_spread_one_is_not() -> None:
    one = unit(1, 8).expand(6, 8)
    spread = torch.eye(6, 8, dtype=torch.float64)
    assert Trimodal(collapse=0.1)({"a": one, "b": one}).collapse.item() == pytest.approx(0.025)
    assert Trimodal(collapse=0.1)({"a": spread, "b": spread}).collapse.item() == 0.0


LOSSES: list[nn.Module] = [PCMC(), PCMC(form="tiled"), PCMR(), PCMR(form="tiled"), Trimodal()]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_pairs_can_be_limited_for_a_batch(loss: nn.Module) -> None:
    z = {name: unit(6, 4, seed=i).requires_grad_() for i, name in enumerate("abc")}
    output = loss(z, compare={("c", "a"), ("b", "c")})
    assert set(output.parts) == {("a", "c"), ("b", "c")}
    assert set(output.anchors) == {("a", "c"), ("b", "c")}
    single = [loss(z, compare={pair}).total.item() for pair in (("a", "c"), ("b", "c"))]
    if not isinstance(loss, Trimodal):  # whose regulariser is a mean over pairs
        assert output.total.item() == pytest.approx(sum(single), rel=1e-6)
    nothing = loss(z, compare=frozenset())
    nothing.total.backward()
    assert nothing.total.item() == 0.0
    assert nothing.parts == {}
    assert loss(z, compare=None).total.item() == loss(z).total.item()


def test_infonce_over_a_pair_that_is_not_compared_is_nothing() -> None:
    z = {name: unit(6, 4, seed=i) for i, name in enumerate("abc")}
    loss = InfoNCE(pairs={("a", "b"): 1.0})
    assert loss(z, compare={("b", "a")}).total.item() == loss(z).total.item() > 0
    assert loss(z, compare={("b", "c")}).total.item() == 0.0


def test_options_reach_the_loss_and_bad_ones_are_refused() -> None:
    section = {
        "symmetric": False, "beta": 2.0, "collapse": 0.3, "margin": 0.2, "temperature": 0.2,
        "pairs": [["image", "text"], ["image", "depth", 0.5]],
    }  # fmt: skip
    loss = TrimodalConfig.model_validate(section).build()
    assert (loss.symmetric, loss.beta, loss.collapse, loss.margin) == (False, 2.0, 0.3, 0.2)
    assert loss.pairs == {("image", "text"): 1.0, ("image", "depth"): 0.5}
    assert loss.temperature == pytest.approx(0.2)
    assert "beta=2" in repr(loss)
    for key, value in (("beta", -1.0), ("collapse", float("nan")), ("margin", 1.0)):
        with pytest.raises(ValidationError):
            TrimodalConfig.model_validate({key: value})
        with pytest.raises(ObjectiveError, match=f"{key} is {value}"):
            Trimodal(**cast("Any", {key: value}))


@pytest.mark.parametrize("collapse", [0.0, 0.7])
@pytest.mark.parametrize("seed", range(12))
def test_pair_gradients_equal_the_closed_form(seed: int, collapse: float) -> None:
    case = random_case(seed)
    loss = Trimodal(case.temperature, False, pairs=case.pairs, collapse=collapse, margin=-0.1)
    found = loss.pair_gradients(case.embeddings, present=case.present, groups=case.groups)
    weights = case.pairs or dict.fromkeys(combinations(case.embeddings, 2), 1.0)
    batch = len(next(iter(case.embeddings.values())))
    group = [-1 - p for p in range(batch)]
    if case.groups is not None:
        group = [g if g >= 0 else -1 - p for p, g in enumerate(case.groups.tolist())]
    gradients, both = {}, {}
    penalised = 0
    for (a, b), weight in weights.items():
        has_a, has_b = case.present[a], case.present[b]
        rows = [p for p in range(batch) if has_a[p] and has_b[p]]
        cosines = case.embeddings[a] @ case.embeddings[b].T
        g = torch.zeros(batch, batch, dtype=torch.float64)
        for near, far, s, out in ((has_a, has_b, cosines, g), (has_b, has_a, cosines.T, g.T)):
            for p in rows:
                assert near[p]
                allowed = [q for q in range(batch) if far[q] and (q == p or group[q] != group[p])]
                sums = math.fsum(math.exp(s[p, q] / case.temperature) for q in allowed)
                for q in allowed:
                    share = math.exp(s[p, q] / case.temperature) / sums - (q == p)
                    out[p, q] += weight * share / (2 * case.temperature * len(rows))
        others = [
            (p, q)
            for p in range(batch)
            for q in range(batch)
            if has_a[p] and has_b[q] and group[p] != group[q]
        ]
        penalty = torch.zeros_like(g)
        for p, q in others:
            penalty[p, q] = 2 * max(0.0, float(cosines[p, q]) + 0.1) / len(others)
        penalised += bool(others) and weight > 0
        if rows and weight > 0:
            gradients[a, b], both[a, b] = (g, penalty), rows
    lengths: dict[str, list[float]] = {"positive": [], "negative": []}
    for (a, b), (g, penalty) in gradients.items():
        whole = g + collapse * penalty / max(1, penalised)
        for column, m in ((b, whole), (a, whole.T)):
            z = case.embeddings[column]
            for p in both[a, b]:
                rest = [q for q in range(batch) if q != p]
                lengths["positive"].append((m[p, p] * z[p]).norm().item())
                lengths["negative"].append((m[p, rest] @ z[rest]).norm().item())
    if not gradients:
        assert found == {}
        return
    for name, values in lengths.items():
        assert found[name].item() == pytest.approx(math.fsum(values) / len(values), abs=1e-9)


def test_pair_gradients_leave_no_trace() -> None:
    loss = Trimodal()
    z = {name: unit(6, 4, seed=n).float().requires_grad_() for n, name in enumerate("abc")}
    with torch.no_grad():
        found = loss.pair_gradients(z, compare={("a", "b")})
    assert found.keys() == {"positive", "negative"}
    assert all(tensor.grad is None for tensor in [*z.values(), loss.logit_scale])
    absent = torch.zeros(6, dtype=torch.bool)
    assert loss.pair_gradients(z, present={"a": absent, "b": ~absent, "c": absent}) == {}
