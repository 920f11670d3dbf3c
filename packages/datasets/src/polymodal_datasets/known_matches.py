"""What is known of two rows before any model sees them: that they match, or hold the same value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from polymodal_datasets.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

CHUNK = 1024

Groups = Literal["none", "instance", "label"]


@dataclass(frozen=True)
class KnownMatches:
    """Ids of what rows are and hold: rows with an id in common are no negatives of each other.

    `ids` [rows, kinds] are instance, label where it makes groups, and the stored bytes of each
    column; -1 where unknown or absent, and no id is used by two kinds. `whole_batch` bool [kinds]:
    kinds that an objective does not leave out by itself, so that the sampler has to mind all rows
    of a batch and not the seed alone.
    """

    ids: Integers
    whole_batch: NDArray[np.bool_]


def known_matches(
    store: Store, rows: Integers, columns: Sequence[str], *, groups: Groups
) -> KnownMatches:
    """Find what `rows` are known to share; `groups` is what the objective takes for one group.

    Rows of one instance match whatever the objective knows; labels count where they are its groups.
    Every item is read once. Columns whose items stand for classes are minded for the seed alone:
    a batch repeats them anyhow.
    """
    import numpy as np

    table = store.table
    kinds = [_dense(table.instance[rows])]
    whole = [groups != "instance"]
    if groups == "label":
        kinds.append(_dense(table.label[rows]))
        whole.append(False)
    for column in columns:
        kinds.append(_contents(store, column, table.items[column][rows]))
        whole.append(column not in table.of_classes)
    start = 0
    for ids in kinds:
        ids[ids >= 0] += start
        start = max(start, int(ids.max(initial=-1)) + 1)
    return KnownMatches(np.stack(kinds, axis=1), np.array(whole))


def _dense(values: Integers) -> Integers:
    import numpy as np

    known = values >= 0
    ids = np.full(len(values), -1, dtype=np.int64)
    ids[known] = np.unique(values[known], return_inverse=True)[1]
    return ids


def _contents(store: Store, column: str, held: Integers) -> Integers:
    # The same id for items with equal stored bytes, and so for one item held twice.
    import numpy as np

    from polymodal_datasets.frozen_features import checksum

    items = np.unique(held[held >= 0])
    numbers: dict[bytes, int] = {}
    contents = np.empty(len(items), dtype=np.int64)
    for start in range(0, len(items), CHUNK):
        payloads = store.read(column, items[start : start + CHUNK])
        for place, payload in enumerate(payloads, start):
            contents[place] = numbers.setdefault(checksum(payload), len(numbers))
    ids = np.full(len(held), -1, dtype=np.int64)
    ids[held >= 0] = contents[np.searchsorted(items, held[held >= 0])]
    return ids
