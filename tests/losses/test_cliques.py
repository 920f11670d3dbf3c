"""Links that make whole classes."""

from __future__ import annotations

import torch
from polymodal_losses.cliques import merge_cliques


def links(*pairs: tuple[int, int]) -> torch.Tensor:
    return torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).T


def test_a_clique_is_merged_and_its_links_are_gone() -> None:
    ids, left = merge_cliques(6, links((1, 4), (5, 4), (1, 5), (0, 2)))
    assert ids.tolist() == [0, 1, 0, 3, 1, 1]
    assert left.shape == (2, 0)


def test_a_chain_is_no_clique() -> None:
    chain = [(i, i + 1) for i in range(19)]
    ids, left = merge_cliques(22, links(*chain, (20, 21)))
    assert ids.tolist() == [*range(20), 20, 20]
    assert left.T.tolist() == [list(pair) for pair in chain]


def test_one_missing_link_keeps_a_group_apart() -> None:
    every = [(i, j) for i in range(5) for j in range(i)]
    merged, _ = merge_cliques(5, links(*every))
    assert merged.tolist() == [0] * 5
    apart, left = merge_cliques(5, links(*every[:-1]))
    assert apart.tolist() == list(range(5))
    assert left.shape == (2, 9)


def test_no_links() -> None:
    ids, left = merge_cliques(3, links())
    assert ids.tolist() == [0, 1, 2]
    assert left.shape == (2, 0)
    assert merge_cliques(0, links())[0].tolist() == []
