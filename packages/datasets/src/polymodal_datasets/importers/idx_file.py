"""Arrays in the idx format of MNIST, compressed or not."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from polymodal_core.errors import PolymodalError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BYTES = 0x08
"""The code of unsigned bytes, the only type that MNIST uses."""


def find_idx(root: Path, name: str) -> Path:
    """Find `name` or `name.gz` below a folder; raises PolymodalError where neither is there."""
    for path in (root / f"{name}.gz", root / name):
        if path.is_file():
            return path
    raise PolymodalError(f"{root} has no {name}.gz, nor {name}")


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read unsigned bytes of any shape; raises PolymodalError for anything else."""
    import numpy as np

    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise PolymodalError(f"{path}: cannot be read: {error}") from None
    try:
        zero, code, axes = struct.unpack_from(">HBB", content)
        shape = struct.unpack_from(f">{axes}I", content, 4)
    except struct.error:
        raise PolymodalError(f"{path}: {len(content)} bytes are no idx file") from None
    if zero != 0 or code != _BYTES:
        raise PolymodalError(f"{path}: is no idx file of unsigned bytes")
    start = 4 + 4 * axes
    size = int(np.prod(shape, dtype=np.int64))
    if len(content) - start != size:
        raise PolymodalError(
            f"{path}: {len(content) - start} values, where the header says {list(shape)}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
