"""The random generators that a value's transform is given."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

VIEW = 0x76696577
"""Tells the draws of views from those of rows."""


class RowGenerators:
    """The generators of the rows of a training batch.

    A row's shared generator is made once and wound back for every column: making one takes 15 us.
    """

    def __init__(self, seed: int, epoch: int, rows: Integers | None) -> None:
        """Take the rows' numbers in the store [batch]; None outside training."""
        self._key = (seed, epoch)
        self._rows = rows
        self._made: dict[int, tuple[np.random.Generator, Any]] = {}
        self._unused = unused_generator()

    def shared(self, place: int) -> np.random.Generator:
        """Give the generator that all columns of a row share, at its beginning."""
        import numpy as np

        if self._rows is None:
            return self._unused
        if place not in self._made:
            generator = np.random.default_rng([*self._key, self._rows[place]])
            self._made[place] = (generator, generator.bit_generator.state)
        generator, state = self._made[place]
        generator.bit_generator.state = state
        return generator

    def own(self, place: int, column: str) -> np.random.Generator:
        """Give the generator of one column of a row."""
        import numpy as np

        if self._rows is None:
            return self._unused
        return np.random.default_rng([*self._key, self._rows[place], crc32(column.encode())])


@dataclass(frozen=True)
class View:
    """One of several augmented views of every item, repeatable from (seed, number) and its bytes.

    All items of all columns share the geometry of a view, whatever rows they are in, so that view 2
    of a picture and view 2 of its depth map show the same place.
    """

    seed: int
    number: int

    def shared(self) -> np.random.Generator:
        """Give the generator of the view's geometry."""
        import numpy as np

        return np.random.default_rng([self.seed, self.number, VIEW])

    def own(self, payload: bytes) -> np.random.Generator:
        """Give the generator of everything else, for an item with these bytes."""
        import numpy as np

        item = int.from_bytes(blake2b(payload, digest_size=16).digest(), "little")
        return np.random.default_rng([self.seed, self.number, VIEW, item])


def unused_generator() -> np.random.Generator:
    """Give a generator for evaluation, where nothing is random and none is drawn from."""
    import numpy as np

    return np.random.default_rng(0)
