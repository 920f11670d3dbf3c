"""Which rows train, which choose, and which are reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polymodal_core.errors import StoreError

from polymodal_datasets.config import DataConfig
from polymodal_datasets.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from polymodal_core.table import RowTable

    Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Splits:
    """Rows of each split, ascending [rows]; no row is in two of them."""

    train: Integers
    validation: Integers
    test: Integers


def make_splits(store: Store, data: DataConfig, seed: int) -> Splits:
    """Find the rows of every split; the same for the same store, options and seed.

    A validation split that is cut from training never splits an instance: rows of one instance, and
    rows of unknown instance that share an item, stay together. A test split by the default name
    that the store lacks is empty. Raises StoreError, with the splits that exist, for an unknown
    name, for one split used twice, and for a cut that leaves nothing.
    """
    import numpy as np

    train = store.rows_of(data.train)
    default = DataConfig.model_fields["test"].default
    if data.test == default and default not in store.table.split_names:
        test = np.empty(0, dtype=np.int64)
    else:
        test = store.rows_of(data.test)
    names = [data.train, data.test]
    if data.validation_size is None:
        validation = _validation(store, data)
        names.append(data.validation)
    else:
        train, validation = _cut(store.table, train, data, seed)
    if len(set(names)) < len(names):
        raise StoreError(
            f"one split cannot serve two purposes: train = '{data.train}', validation = "
            f"'{data.validation}', test = '{data.test}'; set data.validation_size to cut a "
            f"validation split from '{data.train}'"
        )
    return Splits(*(_limited(rows, data.limit, seed) for rows in (train, validation, test)))


def _validation(store: Store, data: DataConfig) -> Integers:
    try:
        return store.rows_of(data.validation)
    except StoreError as error:
        raise StoreError(
            f"{error}. Set data.validation to one of these, or data.validation_size (such as 0.1) "
            f"to cut one from '{data.train}'"
        ) from None


def _cut(table: RowTable, rows: Integers, data: DataConfig, seed: int) -> tuple[Integers, Integers]:
    import numpy as np

    if data.validation_by == "label":
        units = table.label[rows]
        choices = np.unique(units[units >= 0])
    else:
        units = _instances(table, rows)
        choices = np.unique(units)
    size = data.validation_size
    assert size is not None
    count = size if isinstance(size, int) else max(1, round(size * len(choices)))
    if not 0 < count < len(choices):
        raise StoreError(
            f"data.validation_size = {size} takes {count} of the {len(choices)} "
            f"{data.validation_by}s in '{data.train}' and must leave at least one to each side"
        )
    chosen = np.random.default_rng([seed, _PURPOSE["cut"]]).permutation(choices)[:count]
    taken = np.isin(units, chosen)
    if data.validation_by == "label":  # an instance of several labels stays whole
        instances = _instances(table, rows)
        taken = np.isin(instances, instances[taken])
    if taken.all():
        raise StoreError(
            f"data.validation_size = {size}: the chosen labels take every instance of "
            f"'{data.train}'"
        )
    return rows[~taken], rows[taken]


# Separates the draws of this module from each other and from those of loading, which are seeded by
# (seed, epoch, ...) with a small epoch.
_PURPOSE = {"cut": 0x63757400, "limit": 0x6C696D00}


def _instances(table: RowTable, rows: Integers) -> Integers:
    """Number the instances of some rows [rows]; an unknown one has the number of its group."""
    import numpy as np

    units: Integers = table.instance[rows].copy()
    unknown = np.flatnonzero(units < 0)
    if len(unknown) == 0:
        return units
    group = np.arange(len(unknown))
    columns = [
        numbers[rows[unknown]]
        for column, numbers in table.items.items()
        if column not in table.of_classes
    ]
    # Smallest number of all rows that are joined by shared items, found by spreading it.
    while True:
        before = group.copy()
        for numbers in columns:
            present = numbers >= 0
            items, where = np.unique(numbers[present], return_inverse=True)
            smallest = np.full(len(items), len(unknown))
            np.minimum.at(smallest, where, group[present])
            group[present] = smallest[where]
        if (group == before).all():
            break
    units[unknown] = -2 - group
    return units


def _limited(rows: Integers, limit: int | None, seed: int) -> Integers:
    import numpy as np

    if limit is None or len(rows) <= limit:
        return rows
    kept = np.random.default_rng([seed, _PURPOSE["limit"]]).permutation(len(rows))[:limit]
    return rows[np.sort(kept)]
