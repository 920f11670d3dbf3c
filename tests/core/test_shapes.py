"""The check of shapes at borders."""

from __future__ import annotations

import pytest
import torch
from polymodal_core.shapes import ShapeError, check_shape


def test_sizes_are_learned_and_then_required() -> None:
    sizes = check_shape("queries", torch.zeros(4, 8), "queries dim")
    assert sizes == {"queries": 4, "dim": 8}
    assert (
        check_shape("gallery", torch.zeros(6, 8), "gallery dim", dim=sizes["dim"])["gallery"] == 6
    )
    with pytest.raises(ShapeError, match=r"gallery has shape \[6, 9\]: axis 'dim' is 9; wanted 8"):
        check_shape("gallery", torch.zeros(6, 9), "gallery dim", dim=8)


def test_equal_names_mean_equal_sizes() -> None:
    assert check_shape("scores", torch.zeros(3, 3), "batch batch") == {"batch": 3}
    with pytest.raises(ShapeError, match="axis 'batch' is 4; wanted 3"):
        check_shape("scores", torch.zeros(3, 4), "batch batch")


@pytest.mark.parametrize("shape", [(), (3,), (3, 2, 1)])
def test_another_number_of_axes_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"wanted axes \[batch, dim\]"):
        check_shape("z", torch.zeros(shape), "batch dim")
