"""The pull of positive and of negative pairs, against autograd through written-out losses."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations

import pytest
import torch
from polymodal_core.objective import Contrastive
from polymodal_losses import PCMC, PCMR, InfoNCE, SigLIP, Sum, Trimodal
from torch import Tensor, nn

from .reference import Case, _same_group, random_case, unit

PairLoss = Callable[[Case, str, str, Tensor], Tensor]
"""The loss of a pair of columns from its cosines [batch, batch], rows of anchors by rows."""


def softmax_loss(case: Case, a: str, b: str, cosines: Tensor) -> Tensor:
    rows = range(len(cosines))
    anchors = [p for p in rows if case.present[a][p] and case.present[b][p]]
    losses = []
    for near, far, s in ((a, b, cosines), (b, a, cosines.T)):
        for p in anchors:
            assert case.present[near][p]
            allowed = [
                q for q in rows if case.present[far][q] and (q == p or not _same_group(case, p, q))
            ]
            logits = torch.stack([s[p, q] / case.temperature for q in allowed])
            losses.append(logits.logsumexp(dim=0) - s[p, p] / case.temperature)
    return torch.stack(losses).mean()


def sigmoid_loss(case: Case, a: str, b: str, cosines: Tensor) -> Tensor:
    rows = range(len(cosines))
    anchors = {p for p in rows if case.present[a][p] and case.present[b][p]}
    losses = []
    for p in rows:
        for q in rows:
            if not (case.present[a][p] and case.present[b][q]):
                continue
            logit = cosines[p, q] / case.temperature + BIAS
            if p == q:
                losses.append((1 + (-logit).exp()).log())
            elif anchors & {p, q} and not _same_group(case, p, q):
                losses.append((1 + logit.exp()).log())
    return torch.stack(losses).sum() / len(anchors)


BIAS = -2.0


def expected(case: Case, loss: PairLoss) -> dict[str, float]:
    lengths: dict[str, list[float]] = {"positive": [], "negative": []}
    weights = case.pairs or dict.fromkeys(combinations(case.embeddings, 2), 1.0)
    for (a, b), weight in weights.items():
        anchors = [p for p, both in enumerate(case.present[a] & case.present[b]) if both]
        if weight == 0 or not anchors:
            continue
        cosines = (case.embeddings[a] @ case.embeddings[b].T).requires_grad_()
        total = weight * loss(case, a, b, cosines)
        (gradient,) = torch.autograd.grad(total, cosines)
        for column, g in ((b, gradient), (a, gradient.T)):
            z = case.embeddings[column]
            for p in anchors:
                pulls = [g[p, q] * z[q] for q in range(len(z)) if q != p and g[p, q] != 0]
                rest = torch.stack(pulls).sum(dim=0) if pulls else torch.zeros(1)
                lengths["positive"].append((g[p, p] * z[p]).norm().item())
                lengths["negative"].append(rest.norm().item())
    return {name: math.fsum(some) / len(some) for name, some in lengths.items() if some}


@pytest.mark.parametrize("form", ["direct", "tiled"])
@pytest.mark.parametrize("seed", range(25))
def test_pcmc_equals_autograd(seed: int, form: str) -> None:
    case = random_case(seed)
    loss = PCMC(case.temperature, False, pairs=case.pairs, form=form)  # type: ignore[arg-type]
    found = loss.pair_gradients(case.embeddings, present=case.present, groups=case.groups)
    assert {name: length.item() for name, length in found.items()} == pytest.approx(
        expected(case, softmax_loss), rel=1e-9, abs=1e-12
    )


@pytest.mark.parametrize("seed", range(25))
def test_siglip_equals_autograd(seed: int) -> None:
    case = random_case(seed)
    case.temperature = max(case.temperature, 0.07)  # the reference's exponentials overflow below
    loss = SigLIP(case.temperature, BIAS, False, pairs=case.pairs).double()
    # A scale that float32 has rounded is what the loss computes with.
    case.temperature = 1 / loss.logit_scale.exp().item()
    found = loss.pair_gradients(case.embeddings, present=case.present, groups=case.groups)
    assert {name: length.item() for name, length in found.items()} == pytest.approx(
        expected(case, sigmoid_loss), rel=1e-9, abs=1e-12
    )


@pytest.mark.parametrize("temperature", [0.01, 0.07])
def test_many_tiles_give_what_whole_matrices_do(temperature: float) -> None:
    batch = 1500
    z = {name: unit(batch, 8, seed=i) for i, name in enumerate("ab")}
    present = {
        name: torch.rand(batch, generator=torch.manual_seed(i)) > 0.2 for i, name in enumerate("ab")
    }
    groups = torch.arange(batch) // 3
    given = {"present": present, "groups": groups}
    found = PCMC(temperature, False).pair_gradients(z, **given)  # type: ignore[arg-type]
    whole = Trimodal(temperature, False, collapse=0).pair_gradients(z, **given)  # type: ignore[arg-type]
    for name in ("positive", "negative"):
        assert found[name].item() == pytest.approx(whole[name].item(), rel=1e-9)


def test_small_pulls_of_a_learned_space_keep_their_digits_in_float32() -> None:
    z = torch.eye(64, dtype=torch.float64)[:50]
    given = {"a": z, "b": z}
    exact = PCMC(0.07, False).pair_gradients(given)
    rounded = PCMC(0.07, False).pair_gradients({name: part.float() for name, part in given.items()})
    assert 0 < exact["positive"].item() < 1e-5
    for name, length in exact.items():
        assert rounded[name].item() == pytest.approx(length.item(), rel=1e-4)


def test_hard_negatives_pull_harder_than_easy_ones() -> None:
    z = unit(12, 6)
    easy = torch.eye(12, dtype=torch.float64)
    near = torch.nn.functional.normalize(easy + 0.6, dim=1)
    found = [PCMC(0.1).pair_gradients({"a": case, "b": case}) for case in (easy, near)]
    assert found[1]["negative"] > 5 * found[0]["negative"]
    assert found[1]["positive"] > 5 * found[0]["positive"]
    assert PCMC().pair_gradients({"a": z, "b": z}).keys() == {"positive", "negative"}


LOSSES: list[nn.Module] = [PCMC(), InfoNCE(), SigLIP(), Trimodal(), Sum({"pcmc": (1.0, PCMC())})]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_measuring_leaves_no_trace(loss: nn.Module) -> None:
    assert isinstance(loss, Contrastive)
    z = {name: unit(6, 4, seed=n).float().requires_grad_() for n, name in enumerate("ab")}
    kept = {name: value.detach().clone() for name, value in z.items()}
    found = loss.pair_gradients(z, present=None, groups=None, compare={("b", "a")})
    assert len(found) == 2
    assert not any(length.requires_grad for length in found.values())
    assert all(tensor.grad is None for tensor in [*z.values(), *loss.parameters()])
    assert all(torch.equal(value, kept[name]) for name, value in z.items())
    nothing = loss.pair_gradients(z, present=None, groups=None, compare=frozenset())
    assert nothing == {}
    absent = {"a": torch.zeros(6, dtype=torch.bool)}
    assert loss.pair_gradients(z, present=absent, groups=None, compare=None) == {}


def test_infonce_measures_as_pcmc_does() -> None:
    z = {name: unit(7, 4, seed=n) for n, name in enumerate("abc")}
    groups = torch.tensor([0, 0, 1, 1, 2, 3, -1])
    pairs = {("a", "c"): 0.5}
    wanted = PCMC(0.2, False, pairs=pairs).pair_gradients(z, groups=groups)
    assert InfoNCE(0.2, pairs=pairs).pair_gradients(z, groups=groups) == wanted


def test_a_sum_tells_of_each_part_that_can_tell_times_its_weight() -> None:
    z = {name: unit(7, 4, seed=n) for n, name in enumerate("ab")}
    parts = {
        "pcmc": (0.5, PCMC()),
        "pcmr": (1.0, PCMR()),
        "siglip": (2.0, SigLIP()),
        "infonce": (0.0, InfoNCE()),
    }
    found = Sum(parts).pair_gradients(z, labels=torch.zeros(7))
    assert list(found) == ["pcmc positive", "pcmc negative", "siglip positive", "siglip negative"]
    assert found["pcmc negative"].item() == pytest.approx(
        0.5 * PCMC().pair_gradients(z)["negative"].item()
    )
    assert found["siglip positive"].item() == pytest.approx(
        2 * SigLIP().pair_gradients(z)["positive"].item()
    )
    assert Sum({"pcmr": (1.0, PCMR())}).pair_gradients(z) == {}
