"""Features of frozen encoders, kept on disk under what they were computed from."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from polymodal_core.errors import StoreError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

FIRST_MAP_BYTES = 1 << 28


class FeatureStore:
    """A folder with one LMDB environment, beside the store whose items were encoded.

    Keys are the `fingerprint` of what computes (weights and preprocessing) and the checksum of an
    item's stored bytes, so that a value can never be used for anything else; values are float32
    with a CRC-32, and may differ in the length of their first axis. Several processes may read and
    write at once. Use it as a context manager. Raises StoreError where the folder cannot be written
    or opened.
    """

    def __init__(self, path: Path) -> None:
        """Open the environment in `path`, made where it is missing."""
        import lmdb

        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._environment: Any = lmdb.open(str(path), map_size=FIRST_MAP_BYTES, lock=True)
        except (OSError, lmdb.Error) as error:
            raise StoreError(f"{path}: cached features cannot be kept here: {error}") from error

    def __enter__(self) -> Self:
        """Give the store."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the environment."""
        self._environment.close()

    def read(self, fingerprint: bytes, checksums: Sequence[bytes]) -> dict[bytes, Floats]:
        """Give the features that are here, by checksum; what is damaged counts as absent."""
        import numpy as np

        found: dict[bytes, Floats] = {}
        self._follow_growth()
        with self._environment.begin(buffers=True) as transaction:
            shape = transaction.get(fingerprint)
            if shape is None:
                return found
            axes = json.loads(bytes(shape))
            for checksum in checksums:
                value = transaction.get(fingerprint + checksum)
                if value is not None and _crc(value[4:]) == bytes(value[:4]):
                    plain = np.frombuffer(bytes(value[4:]), "<f4")
                    found[checksum] = plain.reshape(axes).copy()
        return found

    def write(self, fingerprint: bytes, features: Mapping[bytes, Floats]) -> None:
        """Keep features by checksum, alike in all axes but the first, in one transaction."""
        import lmdb

        while features:
            try:
                with self._environment.begin(write=True) as transaction:
                    for checksum, value in features.items():
                        axes = json.dumps([-1, *value.shape[1:]])
                        transaction.put(fingerprint, axes.encode())
                        payload = value.astype("<f4").tobytes()
                        transaction.put(fingerprint + checksum, _crc(payload) + payload)
                return
            except lmdb.MapFullError:
                self._environment.set_mapsize(2 * self._environment.info()["map_size"])
            except lmdb.MapResizedError:
                self._follow_growth()
            except (OSError, lmdb.Error) as error:
                raise StoreError(
                    f"{self.path}: cached features cannot be written: {error}; make room, or set "
                    f"training.cache_features = false"
                ) from error

    def _follow_growth(self) -> None:
        # Another process may have enlarged the map: 0 takes over its size.
        self._environment.set_mapsize(0)


def _crc(payload: Any) -> bytes:
    return zlib.crc32(payload).to_bytes(4, "little")
