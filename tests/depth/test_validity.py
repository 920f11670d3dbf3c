from __future__ import annotations

import torch
from polymodal_depth.validity import coverage


def test_coverage_is_the_share_of_each_cell() -> None:
    validity = torch.zeros(1, 4, 4)
    validity[0, :2, :2] = 1
    validity[0, 3, 3] = 1
    found = coverage(validity, height=2, width=2)
    torch.testing.assert_close(found, torch.tensor([[1.0, 0.0, 0.0, 0.25]]))


def test_a_map_without_readings_counts_as_covered() -> None:
    validity = torch.zeros(2, 4, 4)
    validity[1] = 1
    validity[1, :2] = 0
    found = coverage(validity, height=2, width=2)
    torch.testing.assert_close(found, torch.tensor([[1.0, 1, 1, 1], [0, 0, 1, 1]]))
