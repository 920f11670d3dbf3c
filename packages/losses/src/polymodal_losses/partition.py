"""Disjoint classes of rows, and unions of several such partitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Partition:
    """Disjoint classes of two rows or more.

    `labels` int64 [batch] number the classes from 0 in the order of their first rows; -1 is a row
    that shares its class with no other.
    """

    labels: Tensor
    classes: int


SignedPartition = tuple[int, Partition]


def partition(ids: Tensor) -> Partition:
    """Partition rows by integer ids [batch]: equal ids, and only they, are one class."""
    _, inverse = torch.unique(ids, return_inverse=True)
    first = first_rows(inverse)[inverse]
    _, ordered, counts = torch.unique(first, return_inverse=True, return_counts=True)
    shared = counts > 1
    numbers = torch.where(shared, shared.cumsum(0) - 1, -1)
    return Partition(numbers[ordered], int(shared.sum()))


def first_rows(labels: Tensor) -> Tensor:
    """Find the first row of each class 0, 1, …, where labels int64 [batch] have no gaps."""
    rows = torch.arange(len(labels), device=labels.device)
    classes = int(labels.max()) + 1 if len(labels) else 0
    first = rows.new_full((classes,), len(labels))
    return first.scatter_reduce_(0, labels, rows, "amin")


def union(partitions: Sequence[Partition]) -> tuple[SignedPartition, ...]:
    """Write "in one class of at least one of them" as a signed sum of partitions.

    By inclusion and exclusion; a partition that lies within another cancels out, as the captions of
    a picture do within its class. At most 2^n - 1 terms for n partitions.
    """
    terms: list[SignedPartition] = []
    for added in partitions:
        overlaps = [(-sign, _intersection(term, added)) for sign, term in terms]
        terms = _collected([*terms, (1, added), *overlaps])
    return tuple(terms)


def _intersection(left: Partition, right: Partition) -> Partition:
    alone = -1 - torch.arange(len(left.labels), device=left.labels.device)
    both = (left.labels >= 0) & (right.labels >= 0)
    return partition(torch.where(both, left.labels * right.classes + right.labels, alone))


def _collected(terms: Sequence[SignedPartition]) -> list[SignedPartition]:
    kept: list[SignedPartition] = []
    for sign, term in terms:
        for place, (count, other) in enumerate(kept):
            if term.classes == other.classes and torch.equal(term.labels, other.labels):
                kept[place] = (count + sign, other)
                break
        else:
            kept.append((sign, term))
    return [(count, term) for count, term in kept if count != 0 and term.classes > 0]
