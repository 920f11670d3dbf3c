"""Tiles cover a matrix once; their memory is used again."""

from __future__ import annotations

import pytest
import torch
from polymodal_losses.tiles import TileBuffers, spans, tile_shape, tiles, upper_tiles

CPU = torch.device("cpu")


@pytest.mark.parametrize(("rows", "columns"), [(0, 5), (1, 1), (7, 5), (8, 16)])
@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (4, 4), (100, 100)])
def test_tiles_cover_every_entry_once(rows: int, columns: int, shape: tuple[int, int]) -> None:
    covered = torch.zeros(rows, columns)
    for tile in tiles(rows, columns, shape):
        covered[tile.rows, tile.columns] += 1
        assert covered[tile.rows, tile.columns].shape == tile.shape
        assert tile.shape[0] <= shape[0]
        assert tile.shape[1] <= shape[1]
    assert bool((covered == 1).all())


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (2, 3), (4, 4), (100, 100)])
def test_upper_tiles_and_their_mirror_images_cover_every_entry_once(shape: tuple[int, int]) -> None:
    covered = torch.zeros(9, 9)
    for tile in upper_tiles(9, shape):
        covered[tile.rows, tile.columns] += 1
        beyond = max(tile.rows.stop, tile.columns.start)
        covered[beyond : tile.columns.stop, tile.rows] += 1
    assert bool((covered == 1).all())


def test_spans_begin_where_they_are_told() -> None:
    assert spans(7, 3, start=2) == [slice(2, 5), slice(5, 7)]
    assert spans(2, 3, start=2) == []


def test_a_narrow_matrix_gets_tall_tiles_of_the_same_size() -> None:
    wide, narrow = (tile_shape(10**6, n, device=CPU) for n in (10**6, 100))
    assert narrow[1] == 100
    assert narrow[0] > wide[0]
    assert narrow[0] * narrow[1] <= wide[0] * wide[1]
    assert tile_shape(0, 0, device=CPU) == (1, 1)


def test_buffers_are_allocated_once_for_a_name_and_dtype() -> None:
    buffers = TileBuffers((4, 8), CPU)
    first = buffers.take("a", (4, 8), torch.float32)
    assert buffers.take("a", (3, 5), torch.float32).data_ptr() == first.data_ptr()
    assert buffers.take("a", (3, 5), torch.float32).is_contiguous()
    assert buffers.take("b", (4, 8), torch.float32).data_ptr() != first.data_ptr()
    assert buffers.take("a", (4, 8), torch.float64).dtype == torch.float64
