from __future__ import annotations

from zlib import crc32

import numpy as np
from polymodal_datasets.generators import RowGenerators, View, unused_generator

ROWS = np.array([7, 3, 100_000])


def test_shared_generator_is_the_rows_and_begins_anew_for_every_column() -> None:
    generators = RowGenerators(1, 2, ROWS)
    for place, row in enumerate(ROWS.tolist()):
        expected = np.random.default_rng([1, 2, row])
        draws = [expected.random(), expected.integers(10), expected.standard_normal()]
        for _ in range(3):
            shared = generators.shared(place)
            assert [shared.random(), shared.integers(10), shared.standard_normal()] == draws


def test_own_generator_is_the_columns() -> None:
    generators = RowGenerators(1, 2, ROWS)
    for column in ("image", "text"):
        expected = np.random.default_rng([1, 2, 7, crc32(column.encode())]).random(3).tolist()
        assert generators.own(0, column).random(3).tolist() == expected
        assert generators.own(0, column).random(3).tolist() == expected


def test_outside_training_there_is_one_for_all() -> None:
    generators = RowGenerators(1, 2, None)
    assert generators.shared(0) is generators.shared(1) is generators.own(2, "image")
    assert unused_generator().random() == unused_generator().random()


def test_a_view_shares_its_geometry_among_all_items_and_nothing_else() -> None:
    view = View(3, 1)
    again = View(3, 1)
    assert view.shared().random(4).tolist() == again.shared().random(4).tolist()
    assert view.own(b"a").random(4).tolist() == again.own(b"a").random(4).tolist()
    others = [view.own(b"a"), view.own(b"b"), view.shared()]
    others += [item.own(b"a") for item in (View(3, 2), View(4, 1), View(1, 3))]
    others += [item.shared() for item in (View(3, 2), View(4, 1), View(1, 3))]
    others.append(RowGenerators(3, 1, ROWS).shared(0))
    assert len({generator.random() for generator in others}) == len(others)
