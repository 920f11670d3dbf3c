"""The learned average of layers."""

from __future__ import annotations

import torch
from polymodal_core.batch import Features
from polymodal_speech.layer_weights import LayerWeights


def given() -> Features:
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(2, 5, 3, 4, generator=generator)
    return Features(torch.randn(2, 3, 4, generator=generator), tokens, torch.ones(2, 5).bool())


def test_at_first_every_layer_counts_the_same() -> None:
    found = LayerWeights(3)(given())
    torch.testing.assert_close(found.pooled, given().pooled.mean(dim=1))
    tokens = given().tokens
    assert tokens is not None
    torch.testing.assert_close(found.tokens, tokens.mean(dim=2))
    assert found.mask is not None


def test_weights_are_a_softmax() -> None:
    weights = LayerWeights(3)
    with torch.no_grad():
        weights.logits.copy_(torch.tensor([0.0, 1.0, 2.0]))
    share = torch.tensor([0.0, 1.0, 2.0]).exp()
    share = share / share.sum()
    expected = sum(share[layer] * given().pooled[:, layer] for layer in range(3))
    torch.testing.assert_close(weights(given()).pooled, expected)


def test_the_weights_learn_which_layer_knows() -> None:
    weights = LayerWeights(3)
    optimiser = torch.optim.Adam(weights.parameters(), lr=0.3)
    for _ in range(60):
        optimiser.zero_grad()
        (weights(given()).pooled - given().pooled[:, 1]).square().mean().backward()
        optimiser.step()
    assert weights.logits.softmax(dim=0)[1] > 0.9


def test_without_tokens_there_are_none() -> None:
    found = LayerWeights(3)(Features(given().pooled))
    assert found.tokens is None
    assert found.mask is None
