from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from polymodal_core.batch import Features
from polymodal_eval.attention import Attention, read_attention


def test_the_last_query_is_averaged_over_blocks_and_heads() -> None:
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(2, 3, 4, 5, 7, generator=generator) / 7
    found = read_attention(maps, Features(torch.zeros(2, 8), torch.zeros(2, 6, 8)))
    for row, item in enumerate(found):
        for token in range(7):
            total = 0.0
            for block in range(3):
                for head in range(4):
                    total += float(maps[row, block, head, 4, token])
            share = item.pooled if token == 0 else item.tokens[token - 1]
            assert share == pytest.approx(total / 12)
        assert item.elsewhere == pytest.approx(1 - item.pooled - item.tokens.sum())


def test_padding_is_left_out_and_cells_stay() -> None:
    maps = torch.full((1, 1, 1, 1, 6), 0.1)
    mask = torch.tensor([[True, True, False, True, False]])
    tokens = torch.zeros(1, 5, 8)
    (words,) = read_attention(maps, Features(torch.zeros(1, 8), tokens, mask))
    assert len(words.tokens) == 3
    assert words.cells is None
    (cells,) = read_attention(maps, Features(torch.zeros(1, 8), tokens, mask, grid=(2, 2)))
    assert len(cells.tokens) == 5
    assert cells.cells is not None
    assert cells.cells.shape == (2, 2)


def test_cells_are_the_last_tokens_row_by_row() -> None:
    found = Attention(0.0, np.array([9.0, 1, 2, 3, 4, 5, 6]), (2, 3))
    assert found.cells is not None
    assert found.cells.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_spread() -> None:
    assert Attention(0.5, np.full(8, 0.05)).spread == pytest.approx(8)
    assert Attention(0.5, np.array([0.2, 0.0, 0.0])).spread == pytest.approx(1)
    shares = np.array([0.3, 0.1])
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert Attention(0.0, shares).spread == pytest.approx(math.exp(entropy))
    assert Attention(1.0, np.zeros(0)).spread == 0.0
