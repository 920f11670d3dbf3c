"""Pooling over real frames alone."""

from __future__ import annotations

import numpy as np
import torch
from polymodal_speech.pooling import AttentiveMaximum, masked_mean

MASK = torch.tensor(
    [[True, True, True, False, False], [True] * 5, [True, False, False, False, False]]
)
COUNTS = (3, 5, 1)


def frames(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_the_mean_is_that_of_the_real_frames() -> None:
    for shape in ((3, 5), (3, 5, 4), (3, 5, 2, 4)):
        given = frames(*shape)
        found = masked_mean(given, MASK)
        for row, count in enumerate(COUNTS):
            np.testing.assert_allclose(found[row], given[row, :count].numpy().mean(axis=0), 1e-12)


def test_attention_and_maximum_against_a_reference() -> None:
    torch.manual_seed(0)
    pool = AttentiveMaximum(6, heads=2).double()
    given = frames(3, 5, 6)
    found = pool(given, MASK)
    weight, bias = (item.detach().numpy() for item in (pool.scores.weight, pool.scores.bias))
    join, offset = (item.detach().numpy() for item in (pool.join.weight, pool.join.bias))
    for row, count in enumerate(COUNTS):
        own = given[row, :count].numpy()
        score = np.exp(own @ weight.T + bias)
        score /= score.sum(axis=0)
        average = np.concatenate([score[:, 0] @ own[:, :3], score[:, 1] @ own[:, 3:]])
        expected = join @ np.concatenate([average, own.max(axis=0)]) + offset
        np.testing.assert_allclose(found[row].detach(), expected, rtol=1e-10)


def test_padding_changes_nothing_and_gets_no_gradient() -> None:
    torch.manual_seed(0)
    pool = AttentiveMaximum(6, heads=3)
    given = frames(3, 5, 6).float().requires_grad_()
    other = torch.where(MASK[..., None], given, 1e6)
    assert torch.equal(pool(given, MASK), pool(other, MASK))
    pool(given, MASK).sum().backward()
    assert given.grad is not None
    assert given.grad.isfinite().all()
    assert not given.grad[~MASK].any()
