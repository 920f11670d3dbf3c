"""Links between rows that make whole classes of them, apart from links that do not."""

from __future__ import annotations

import torch
from torch import Tensor


def merge_cliques(count: int, links: Tensor) -> tuple[Tensor, Tensor]:
    """Merge rows 0 to count - 1 that are linked all with all, and with no other.

    `links` int64 [2, number] name each linked pair once. Returns ids int64 [count], equal for rows
    that are merged, and the links that are left: those of groups where some pair has no link.
    """
    component = _components(count, links)
    members = torch.bincount(component, minlength=count)
    linked = torch.bincount(component[links[0]], minlength=count)
    is_clique = linked == members * (members - 1) // 2
    own = torch.arange(count, device=links.device)
    left = links[:, ~is_clique[component[links[0]]]]
    return torch.where(is_clique[component], component, own), left


def _components(count: int, links: Tensor) -> Tensor:
    """Name each row's connected component by its smallest row."""
    name = torch.arange(count, device=links.device)
    while True:
        lower = torch.minimum(name[links[0]], name[links[1]])
        smaller = name.scatter_reduce(0, links[0], lower, "amin")
        smaller = smaller.scatter_reduce(0, links[1], lower, "amin")
        # Following the name of the name halves long chains at every round.
        smaller = smaller[smaller]
        if torch.equal(smaller, name):
            return name
        name = smaller
