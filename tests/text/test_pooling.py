"""The masked mean against a loop in float64."""

from __future__ import annotations

import torch
from polymodal_text.pooling import last_token, masked_mean


def test_only_real_tokens_count() -> None:
    tokens = torch.randn(3, 5, 4, dtype=torch.float64)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 1]], dtype=torch.bool)
    expected = torch.stack([tokens[row][mask[row]].mean(dim=0) for row in range(3)])
    torch.testing.assert_close(masked_mean(tokens, mask), expected)


def test_no_token_gives_zeros_rather_than_nan() -> None:
    assert masked_mean(torch.ones(1, 2, 3), torch.zeros(1, 2, dtype=torch.bool)).tolist() == [
        [0] * 3
    ]


def test_last_token_ignores_padding() -> None:
    tokens = torch.arange(24.0).reshape(2, 4, 3)
    mask = torch.tensor([[True, True, False, False], [True, True, True, True]])
    assert last_token(tokens, mask).tolist() == [[3.0, 4.0, 5.0], [21.0, 22.0, 23.0]]
