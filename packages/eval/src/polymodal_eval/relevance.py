"""Relevance: which gallery items are right answers to which queries, never as a full matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from polymodal_core.errors import PolymodalError, UnknownNameError, suggest
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from polymodal_core.table import RowTable

    from polymodal_eval.entries import Entries

    Integers = NDArray[np.int64]

Rule = Literal["default", "instance", "label", "row"]


@dataclass(frozen=True)
class Relevance:
    """Queries and gallery items as sets of keys: an item is relevant where the sets meet.

    `query_keys` [queries, keys] and `gallery_keys` [gallery, keys] are sparse 0/1 matrices. A key
    is an instance, a label, a row, or a gallery item itself; the unknown -1 is no key, so that it
    never matches. `rule` says which, for reports.
    """

    query_keys: Any
    gallery_keys: Any
    rule: str = ""

    @property
    def num_queries(self) -> int:
        """Number of queries."""
        return int(self.query_keys.shape[0])

    @property
    def num_gallery(self) -> int:
        """Number of gallery items."""
        return int(self.gallery_keys.shape[0])

    def bounds(self) -> Integers:
        """Bound the number of relevant items of each query from above: int64 [queries]."""
        sizes = np.asarray(self.gallery_keys.sum(axis=0)).ravel().astype(np.int64)
        return np.asarray(self.query_keys.astype(np.int64) @ sizes)

    def of(self, queries: Integers) -> tuple[Integers, Integers]:
        """Give the relevant items of some queries: counts [queries], items one after another."""
        found = (self.query_keys[queries] @ self.gallery_keys.T).tocsr()
        found.sort_indices()
        return np.diff(found.indptr).astype(np.int64), found.indices.astype(np.int64)

    def counts(self) -> Integers:
        """Number of relevant items of each query: int64 [queries]."""
        everything = np.arange(self.num_queries, dtype=np.int64)
        parts = [self.of(part)[0] for part in split_by_size(everything, self.bounds())]
        return np.concatenate([np.zeros(0, np.int64), *parts])


def split_by_size(items: Integers, sizes: Integers, *, budget: int = 1 << 21) -> list[Integers]:
    """Cut `items` into runs whose `sizes` add up to about `budget`, one item at the least."""
    if not len(items):
        return []
    ends = np.cumsum(np.maximum(sizes, 1)) // budget
    return np.split(items, np.flatnonzero(np.diff(ends)) + 1)


def relevance_of_groups(query_groups: ArrayLike, gallery_groups: ArrayLike) -> Relevance:
    """Make items relevant that have the same group id; -1 matches nothing, not even -1."""
    queries, gallery = _ids("query_groups", query_groups), _ids("gallery_groups", gallery_groups)
    names = np.unique(np.concatenate([queries, gallery]))
    names = names[names >= 0]

    def keys(groups: Integers) -> Any:
        known = np.flatnonzero(groups >= 0)
        return _incidence(known, np.searchsorted(names, groups[known]), len(groups), len(names))

    return Relevance(keys(queries), keys(gallery), "groups")


def relevance_of_pairs(pairs: ArrayLike, *, num_queries: int, num_gallery: int) -> Relevance:
    """Make the gallery item of each (query, gallery) pair relevant to its query: pairs [n, 2].

    A pair given twice counts once. Raises PolymodalError for another shape and for indices that
    lie outside.
    """
    given = np.asarray(pairs)
    if given.size == 0:
        given = given.reshape(0, 2).astype(np.int64)
    if given.ndim != 2 or given.shape[1] != 2 or given.dtype.kind not in "iu":
        raise PolymodalError(
            f"relevant has shape {list(given.shape)} of {given.dtype}; wanted integers [n, 2]: a "
            f"query index and a gallery index on each line"
        )
    for column, name, size in ((0, "query", num_queries), (1, "gallery", num_gallery)):
        wrong = given[(given[:, column] < 0) | (given[:, column] >= size), column]
        if len(wrong):
            raise PolymodalError(
                f"relevant names {name} index {wrong[0]}; there are {size}, numbered from 0"
            )
    query_keys = _incidence(given[:, 0], given[:, 1], num_queries, num_gallery)
    return Relevance(query_keys, sparse.eye_array(num_gallery, dtype=np.int32).tocsr(), "pairs")


def default_rule(
    table: RowTable, query: Sequence[str], gallery: Sequence[str]
) -> Literal["instance", "label"]:
    """Give `label` where either side has class items alone, else `instance`.

    A combination with one column that is of instances is itself of instances. Rows that are joined
    by nothing but their class, since no instance is known, count by `label` too.
    """
    classes = any(set(side) <= table.of_classes for side in (query, gallery))
    joined = (table.instance >= 0).any() or not (table.label >= 0).any()
    return "label" if classes or not joined else "instance"


def relevance_of_columns(
    table: RowTable, query: str, gallery: str, *, rule: Rule = "default"
) -> Relevance:
    """Make items of two columns relevant by `rule` over the rows that hold them (definitions).

    Items are numbered from 0 in both columns; an item's instances and labels are the sets over
    its rows. Raises PolymodalError for an unknown column, and for `instance` where a column's
    items stand for classes.
    """
    for column in (query, gallery):
        if column not in table.items:
            raise UnknownNameError(f"no column '{column}'{suggest(column, table.items)}")
    chosen = chosen_rule(table, (query,), (gallery,), rule)
    return _relevance_of_rows(table, table.items[query], table.items[gallery], chosen)


def relevance_of_entries(
    table: RowTable, query: Entries, gallery: Entries, *, rule: Rule = "default"
) -> Relevance:
    """Make entries relevant by `rule` over the rows that hold their combination of items.

    As for columns; `instance` is refused where all columns of a side are of classes.
    """
    chosen = chosen_rule(table, query.columns, gallery.columns, rule)
    return _relevance_of_rows(table, query.of_row, gallery.of_row, chosen)


def chosen_rule(
    table: RowTable, query: Sequence[str], gallery: Sequence[str], rule: Rule
) -> Literal["instance", "label", "row"]:
    """Resolve `rule`; raises PolymodalError for `instance` where a side is of classes alone."""
    sides = [side for side in (query, gallery) if set(side) <= table.of_classes]
    if rule == "instance" and sides:
        raise PolymodalError(
            f"relevance 'instance' is not defined for {' + '.join(query)} to "
            f"{' + '.join(gallery)}: items of {', '.join(sorted({*sides[0], *sides[-1]}))} "
            f"stand for classes; use 'label', 'row' or 'default'"
        )
    return default_rule(table, query, gallery) if rule == "default" else rule


def _relevance_of_rows(
    table: RowTable,
    query: Integers,
    gallery: Integers,
    rule: Literal["instance", "label", "row"],
) -> Relevance:
    # `query` and `gallery` [rows] say which of the queries and gallery items each row holds.
    values = {
        "instance": table.instance,
        "label": table.label,
        "row": np.arange(len(table), dtype=np.int64),
    }[rule]
    return Relevance(item_keys(query, values), item_keys(gallery, values), rule)


def item_keys(items: Integers, values: Integers, *, num_values: int | None = None) -> Any:
    """Collect each item's set of `values` over the rows that hold it: sparse [items, values].

    `items` and `values` are [rows], -1 where missing or unknown; a value is its own column.
    """
    rows = np.flatnonzero((items >= 0) & (values >= 0))
    num_items = int(items.max(initial=-1)) + 1
    width = int(values.max(initial=-1)) + 1 if num_values is None else num_values
    return _incidence(items[rows], values[rows], num_items, width)


def _ids(name: str, groups: ArrayLike) -> Integers:
    found = np.asarray(groups)
    if found.ndim != 1 or (found.dtype.kind not in "iu" and found.size):
        raise PolymodalError(
            f"{name} has shape {list(found.shape)} of {found.dtype}; wanted one integer per item"
        )
    return found.astype(np.int64)


def _incidence(rows: Integers, columns: Integers, num_rows: int, num_columns: int) -> Any:
    ones = np.ones(len(rows), dtype=np.int32)
    found = sparse.coo_array((ones, (rows, columns)), shape=(num_rows, num_columns)).tocsr()
    found.data[:] = 1  # what was named twice counts once
    return found
