"""Cutting a matrix that is never stored into tiles, and the memory that they share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

TileShape = tuple[int, int]
"""Most rows and most columns of a tile."""

# A tile of 512 x 1024 keeps both products near the speed of large ones, while the passes between
# them stay in a CPU's last-level cache: a fresh matrix costs ten times such a pass in page faults.
_CPU_TILE: TileShape = (512, 1024)
_DEVICE_TILE: TileShape = (4096, 8192)


@dataclass(frozen=True)
class Tile:
    """Rows and columns of a part of a matrix."""

    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and of columns."""
        rows, columns = self.rows, self.columns
        return rows.stop - rows.start, columns.stop - columns.start


def tile_shape(rows: int, columns: int, *, device: torch.device) -> TileShape:
    """Choose the largest tile for a matrix [rows, columns]; a narrow matrix gets taller tiles."""
    most_rows, most_columns = _CPU_TILE if device.type == "cpu" else _DEVICE_TILE
    width = max(1, min(columns, most_columns))
    return max(1, min(rows, most_rows * most_columns // width)), width


def tiles(rows: int, columns: int, shape: TileShape) -> list[Tile]:
    """Cut a matrix [rows, columns] into tiles of at most `shape`, row by row."""
    return [Tile(r, c) for r in spans(rows, shape[0]) for c in spans(columns, shape[1])]


def upper_tiles(size: int, shape: TileShape) -> Iterator[Tile]:
    """Cut the upper triangle of a matrix [size, size] into tiles that begin on the diagonal.

    Columns of a tile below its last row (`columns.start` to `rows.stop`) are a square on the
    diagonal; what is right of them has its mirror image in no tile.
    """
    for rows in spans(size, shape[0]):
        for columns in spans(size, shape[1], start=rows.start):
            yield Tile(rows, columns)


def spans(size: int, step: int, *, start: int = 0) -> list[slice]:
    """Cut `start` to `size` into slices of at most `step`."""
    return [slice(low, min(low + step, size)) for low in range(start, size, step)]


@dataclass
class TileBuffers:
    """Memory for tiles of at most `shape`, allocated once and used again by every tile."""

    shape: TileShape
    device: torch.device
    _flat: dict[tuple[str, torch.dtype], Tensor] = field(default_factory=dict)

    def take(self, name: str, shape: TileShape, dtype: torch.dtype) -> Tensor:
        """Give the memory called `name` as a contiguous tile; what it holds is undefined."""
        if (name, dtype) not in self._flat:
            size = self.shape[0] * self.shape[1]
            self._flat[name, dtype] = torch.empty(size, dtype=dtype, device=self.device)
        return self._flat[name, dtype][: shape[0] * shape[1]].view(shape)
