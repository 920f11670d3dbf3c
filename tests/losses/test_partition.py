"""Partitions of rows and their unions."""

from __future__ import annotations

from itertools import product

import torch
from polymodal_losses.partition import Partition, partition, union
from torch import Tensor


def together(found: Partition) -> Tensor:
    labels = found.labels
    return (labels[:, None] == labels) & (labels[:, None] >= 0)


def test_classes_are_numbered_by_their_first_row_and_lone_rows_are_left_out() -> None:
    found = partition(torch.tensor([9, -4, 9, 3, 7, 3, 9]))
    assert found.labels.tolist() == [0, -1, 0, 1, -1, 1, 0]
    assert found.classes == 2
    assert partition(torch.tensor([1, 2, 3])).classes == 0
    assert partition(torch.zeros(0, dtype=torch.int64)).labels.shape == (0,)


def test_a_union_is_in_one_class_of_at_least_one() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        count = int(torch.randint(0, 5, (1,), generator=generator))
        ids = [torch.randint(0, 6, (12,), generator=generator) for _ in range(count)]
        expected = torch.zeros(12, 12, dtype=torch.bool)
        for column in ids:
            expected |= column[:, None] == column
        expected.fill_diagonal_(False)
        signed = torch.zeros(12, 12, dtype=torch.int64)
        for sign, term in union([partition(column) for column in ids]):
            signed += sign * together(term)
        signed.fill_diagonal_(0)
        assert torch.equal(signed, expected.long())


def test_nested_partitions_leave_the_widest_alone() -> None:
    classes, pictures = torch.arange(24) // 12, torch.arange(24) // 4
    captions = torch.arange(24) // 2
    for order in ((classes, pictures, captions), (captions, pictures, classes)):
        terms = union([partition(ids) for ids in order])
        assert len(terms) == 1
        assert terms[0][0] == 1
        assert terms[0][1].labels.tolist() == classes.tolist()


def test_partitions_without_classes_vanish() -> None:
    lone, pairs = torch.arange(6), torch.arange(6) // 2
    for left, right in product((lone, pairs), repeat=2):
        terms = union([partition(left), partition(right)])
        assert len(terms) == int(left is pairs or right is pairs)
