"""Nothing is learned from columns that have nothing in common: fusion does not leak.

Columns of independent noise are trained as the trainer trains them. What one says about another
on unseen noise is nothing, so that retrieval has to stay at chance, whatever has been trained.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.batch import Batch, Features
from polymodal_core.fusion import Exchange
from polymodal_core.heads import ProjectionHead
from polymodal_core.model import Model
from torch import Tensor, nn

from .columns import kinds

KINDS = kinds()
DIM, LENGTH, UNSEEN = 8, 3, 128
BATCH = 64
STEPS = {2: 120, 3: 160}


class Tokens(nn.Module):
    """An encoder that leaves noise as it is: tokens, and the first of them as pooled vector."""

    feature_dim = DIM

    def forward(self, inputs: Tensor) -> Features:
        if inputs.shape[1] == 1:
            return Features(inputs[:, 0])
        mask = torch.ones(inputs.shape[:2], dtype=torch.bool)
        return Features(inputs[:, 0], inputs, mask)


def noise(columns: list[str], size: int, seed: int) -> Batch:
    """Draw rows whose columns are independent; the first has a single vector."""
    generator = torch.Generator().manual_seed(seed)
    every = torch.arange(size)
    inputs = {
        column: torch.randn(size, 1 if not number else LENGTH, DIM, generator=generator)
        for number, column in enumerate(columns)
    }
    unknown = torch.full((size,), -1)
    return Batch(inputs, dict.fromkeys(columns, every), unknown, unknown, every)


def trained(kind: str, columns: list[str], **options: Any) -> Model:
    torch.manual_seed(0)
    if kind not in ("early", "concatenation"):
        options["layers"] = 1
    fusion = KINDS[kind](dict.fromkeys(columns, DIM), **options)
    heads = {name: ProjectionHead("linear", feature_dim=16, dim=16, hidden=16) for name in columns}
    model = Model({name: Tokens() for name in columns}, heads, dim=16, fusion=fusion).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(STEPS[len(columns)]):
        exchange = fusion.draw(columns, rng=np.random.default_rng([0, step]), pairs=None)
        optimizer.zero_grad()
        contrast(model, noise(columns, BATCH, seed=1 + step), exchange).backward()
        optimizer.step()
    return model.eval()


def compared(exchange: Exchange, columns: list[str]) -> list[tuple[str, str]]:
    every = [(a, b) for n, a in enumerate(columns) for b in columns[:n]]
    return every if exchange.compare is None else sorted(exchange.compare)


def contrast(model: Model, batch: Batch, exchange: Exchange) -> Tensor:
    z = model(batch, exchange).z
    losses = []
    for a, b in compared(exchange, list(z)):
        logits = z[a] @ z[b].T / 0.1
        right = torch.arange(len(logits))
        losses.append(nn.functional.cross_entropy(logits, right))
        losses.append(nn.functional.cross_entropy(logits.T, right))
    return torch.stack(losses).mean()


def recall(model: Model, columns: list[str], exchange: Exchange) -> float:
    """R@1 on unseen noise, mean over the pairs that are compared."""
    with torch.no_grad():
        z = model(noise(columns, UNSEEN, seed=10**6), exchange).z
    right = torch.arange(UNSEEN)
    found = [
        (z[a] @ z[b].T).argmax(dim=dim).eq(right).float().mean().item()
        for a, b in compared(exchange, columns)
        for dim in (0, 1)
    ]
    return float(sum(found) / len(found))


def all_sides(columns: list[str]) -> list[Exchange]:
    first, *rest = columns
    splits = [Exchange.across([(column,) for column in columns])]
    for chosen in range(1, 2 ** len(rest)):
        left = [c for number, c in enumerate(rest) if not chosen >> number & 1]
        right = [c for number, c in enumerate(rest) if chosen >> number & 1]
        splits.append(Exchange.across([(first, *left), tuple(right)]))
    return splits


CHANCE = [(kind, ["a", "b", "c"]) for kind in KINDS] + [("bottleneck", ["a", "b"])]


@pytest.mark.parametrize(("kind", "columns"), CHANCE)
def test_independent_noise_stays_at_chance(kind: str, columns: list[str]) -> None:
    model = trained(kind, columns)
    # Chance is 1/128; of at least 256 queries, 5 % are beyond eight standard deviations.
    for exchange in all_sides(columns):
        assert recall(model, columns, exchange) < 0.05
    with torch.no_grad():
        batch = noise(columns, UNSEEN, seed=10**6)
        features = {name: model.features(name, batch.inputs[name]) for name in columns}
        query = model.combine({name: features[name] for name in columns[:-1]})
        gallery = model.combine({columns[-1]: features[columns[-1]]})
    hits = (query @ gallery.T).argmax(dim=1).eq(torch.arange(UNSEEN)).float().mean().item()
    assert hits < 0.06


LEAKS = [(kind, ["a", "b"], 0.25) for kind in KINDS] + [
    (kind, ["a", "b", "c"], 0.15) for kind in ("pairwise", "concatenation")
]


@pytest.mark.parametrize(("kind", "columns", "least"), LEAKS)
def test_the_printed_form_leaks(kind: str, columns: list[str], least: float) -> None:
    # So that the test above could fail: the same training, but columns see what they are compared
    # with. Chance is 0.008 here too.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = trained(kind, columns, exchange="all")
    assert recall(model, columns, Exchange((tuple(columns),))) > least
    # Nothing of it is left where query and gallery have not seen each other.
    assert recall(model, columns, Exchange.across([(column,) for column in columns])) < 0.05
