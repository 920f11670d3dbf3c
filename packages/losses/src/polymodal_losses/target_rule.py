"""How PCMR finds out which rows match: from their embeddings, or from known groups (Eq. 7)."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from polymodal_losses.cliques import merge_cliques
from polymodal_losses.compared_target import ComparedTarget
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.exact_repeats import first_equal_rows
from polymodal_losses.inputs import PairwiseInputs
from polymodal_losses.near_duplicates import near_duplicates
from polymodal_losses.pair_rows import take_rows
from polymodal_losses.partition import Partition, partition, union
from polymodal_losses.target import StructuredTarget, Target

TargetRule = Literal["embeddings", "groups"]

# A list of matches stays within the memory of the embeddings themselves: 16 bytes each.
_LISTED_PER_ROW = 64


def check_target(rule: TargetRule, threshold: float) -> None:
    """Refuse an unknown rule and an impossible threshold; raises ObjectiveError."""
    if rule not in get_args(TargetRule):
        raise ObjectiveError(f"target is {rule!r}; wanted one of {', '.join(get_args(TargetRule))}")
    if not 0 <= threshold < 1:
        raise ObjectiveError(f"threshold is {threshold}; wanted a cosine of at least 0, below 1")


def group_target(groups: Tensor | None, *, batch: int, device: torch.device) -> Target:
    """Match rows of one group [batch]; None matches every row with itself alone."""
    none = torch.zeros((2, 0), dtype=torch.int64, device=device)
    ids = torch.arange(batch, device=device) if groups is None else groups
    return StructuredTarget(union([partition(ids)]), none)


def embedding_target(inputs: PairwiseInputs, threshold: float) -> Target:
    """Match rows whose embeddings in some column that both have exceed a cosine, exactly.

    Exact repeats, and sets of near-duplicates that all match each other, become classes; the
    remaining near-duplicates are listed. Where there are too many for a list, rows are compared
    again whenever T is needed.
    """
    partitions: list[Partition] = []
    listed: list[Tensor] = []
    room = _LISTED_PER_ROW * inputs.batch
    for column, z in inputs.embeddings.items():
        rows = inputs.rows(column)
        found = _column_matches(take_rows(z.detach(), rows), threshold, room=room)
        if found is None:
            return ComparedTarget(inputs, threshold)
        ids = -1 - torch.arange(inputs.batch, device=inputs.device)
        ids[rows] = found[0]
        partitions.append(partition(ids))
        listed.append(rows[found[1]])
        room -= found[1].shape[1]
    extras = _uncovered(torch.cat(listed, dim=1), partitions, inputs.batch)
    return StructuredTarget(union(partitions), extras)


def _column_matches(z: Tensor, threshold: float, *, room: int) -> tuple[Tensor, Tensor] | None:
    """Give class ids [rows] and the matches [2, listed] between classes; None if over `room`."""
    first = first_equal_rows(z)
    own = torch.arange(len(z), device=z.device)
    # Under a threshold close to 1, rounding can leave a row too short to match even its own copy.
    long_enough = torch.linalg.vector_norm(z, dim=1, dtype=torch.float64).square() > threshold
    first = torch.where(long_enough, first, own)
    distinct, kind = torch.unique(first, return_inverse=True)
    links = near_duplicates(take_rows(z, distinct), threshold, limit=room)
    if links is None:
        return None
    merged, left = merge_cliques(len(distinct), links)
    sizes = torch.bincount(kind, minlength=len(distinct))
    if int((sizes[left[0]] * sizes[left[1]]).sum()) > room:
        return None
    return merged[kind], _between_classes(left, kind, sizes)


def _between_classes(links: Tensor, kind: Tensor, sizes: Tensor) -> Tensor:
    """List every pair of rows, one of each class of a link, as indices [2, number]."""
    members = kind.argsort(stable=True)
    starts = sizes.cumsum(0) - sizes
    pairs = sizes[links[0]] * sizes[links[1]]
    link = torch.repeat_interleave(torch.arange(len(pairs), device=links.device), pairs)
    place = torch.arange(len(link), device=links.device) - (pairs.cumsum(0) - pairs)[link]
    left, right = links[0, link], links[1, link]
    i = members[starts[left] + place // sizes[right]]
    j = members[starts[right] + place % sizes[right]]
    return torch.stack([i, j])


def _uncovered(pairs: Tensor, partitions: list[Partition], batch: int) -> Tensor:
    """Drop pairs listed twice, and those that are in one class of some partition."""
    keys = torch.unique(pairs.amin(dim=0) * batch + pairs.amax(dim=0))
    i, j = keys // batch, keys % batch
    covered = torch.zeros_like(i, dtype=torch.bool)
    for found in partitions:
        covered |= (found.labels[i] >= 0) & (found.labels[i] == found.labels[j])
    return torch.stack([i, j])[:, ~covered]
