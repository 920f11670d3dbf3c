"""Anchors and candidates of a pair of columns."""

from __future__ import annotations

import torch
from polymodal_losses.pair_rows import PairRows, pair_rows, take_rows

CPU = torch.device("cpu")


def rows_of(a: list[int], b: list[int]) -> PairRows:
    return pair_rows(torch.tensor(a).bool(), torch.tensor(b).bool(), device=CPU)


def test_anchors_have_both_columns_candidates_one() -> None:
    rows = rows_of([1, 1, 0, 1, 0], [0, 1, 1, 1, 0])
    assert rows.a.tolist() == [0, 1, 3]
    assert rows.b.tolist() == [1, 2, 3]
    assert rows.a[rows.anchors_in_a].tolist() == [1, 3]
    assert rows.b[rows.anchors_in_b].tolist() == [1, 3]
    assert rows.num_anchors == 2


def test_no_row_in_common_means_no_anchor() -> None:
    assert rows_of([1, 0], [0, 1]).num_anchors == 0
    assert rows_of([0, 0], [0, 0]).num_anchors == 0


def test_false_negatives_are_the_rest_of_the_group_never_the_positive() -> None:
    rows = rows_of([1, 1, 1, 0], [1, 1, 0, 1])
    groups = torch.tensor([5, 5, 5, 5])
    assert rows.false_negatives(groups).int().tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 1]]
    apart = torch.tensor([0, 1, 0, 1])
    assert rows.false_negatives(apart).int().tolist() == [[0, 0, 0], [0, 0, 1], [1, 0, 0]]


def test_absent_rows_are_left_behind_with_whatever_they_hold() -> None:
    z = torch.tensor([[1.0], [float("nan")], [3.0]], requires_grad=True)
    taken = take_rows(z, torch.tensor([0, 2]))
    taken.sum().backward()
    assert taken.flatten().tolist() == [1.0, 3.0]
    assert z.grad is not None
    assert z.grad.flatten().tolist() == [1.0, 0.0, 1.0]


def test_taking_every_row_copies_nothing() -> None:
    z = torch.zeros(3, 2)
    assert take_rows(z, torch.arange(3)) is z
