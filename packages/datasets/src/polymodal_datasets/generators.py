"""The random generators that a value's transform is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]


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


def unused_generator() -> np.random.Generator:
    """Give a generator for evaluation, where nothing is random and none is drawn from."""
    import numpy as np

    return np.random.default_rng(0)
