from __future__ import annotations

import numpy as np
from polymodal_datasets.rooms.columns import read, write


def test_reading_and_writing_equal_indexing() -> None:
    rng = np.random.default_rng(0)
    source, where = rng.random((3, 50)), rng.permutation(50)[:20]
    np.testing.assert_array_equal(read(source, where), source[:, where])
    target, expected, values = np.zeros((3, 50)), np.zeros((3, 50)), rng.random((3, 20))
    write(target, where, values)
    expected[:, where] = values
    np.testing.assert_array_equal(target, expected)


def test_what_is_read_is_a_copy() -> None:
    source = np.zeros((3, 4))
    read(source, np.array([1]))[:] = 5
    assert not source.any()
