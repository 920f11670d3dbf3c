"""The space in two dimensions, by t-SNE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

FEWEST = 12
JOINED = 40
"""Rows whose items are joined."""


@dataclass(frozen=True)
class Projection:
    """Items of all columns in the plane: `points` [items, 2] within 0..1.

    `column` [items] indexes `columns`; `label` [items] is the item's smallest label or -1. `rows`
    are places in `points` of what some rows hold, of rows that share no item.
    """

    points: Floats
    column: Integers
    columns: tuple[str, ...]
    label: Integers
    rows: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Cosines:
    """Mean cosine similarity of two columns: of one row's items, and of different rows'."""

    columns: tuple[str, str]
    within: float
    across: float


def project(space: Space, *, most: int = 1000) -> Projection | None:
    """Project about `most` items by t-SNE with cosine distance (van der Maaten, Hinton 2008).

    Rows are drawn by the seed and each brings its items, so that matching items are there
    together. None where there are too few items to say anything.
    """
    return _project(space, _draw(space, space.embeddings.columns, most))


def project_column(space: Space, column: str, *, most: int = 300) -> Projection | None:
    """Project up to `most` items of one column, by themselves (pcmc-pcmr, Fig. 3)."""
    return _project(space, _draw(space, [column], most))


def _project(space: Space, chosen: dict[str, Integers]) -> Projection | None:
    embeddings = space.embeddings
    vectors = np.concatenate([embeddings.vectors[name][chosen[name]] for name in chosen])
    if len(vectors) < FEWEST:
        return None
    column = np.repeat(np.arange(len(chosen)), [len(items) for items in chosen.values()])
    label = np.concatenate([_first_labels(space, name)[items] for name, items in chosen.items()])
    points = _tsne(vectors, space.seed)
    rows = _joined_rows(space, chosen)
    return Projection(points, column.astype(np.int64), tuple(chosen), label, rows)


def row_cosines(space: Space) -> list[Cosines]:
    """Compare columns over the rows that hold both, one row for each pair of items.

    Columns whose items stand for classes are left out. The mean over different rows is over all
    ordered pairs of them.
    """
    embeddings = space.embeddings
    table = embeddings.table
    found = []
    for names in combinations(_of_instances(space), 2):
        held = np.stack([table.items[name] for name in names], axis=1)
        pairs = np.unique(held[(held >= 0).all(axis=1)], axis=0)
        if len(pairs) > 1:
            first, second = (
                embeddings.vectors[name][pairs[:, number]].astype(np.float64)
                for number, name in enumerate(names)
            )
            within = float((first * second).sum())
            every = float(first.sum(axis=0) @ second.sum(axis=0))
            across = (every - within) / (len(pairs) * (len(pairs) - 1))
            found.append(Cosines(names, within / len(pairs), across))
    return found


def _of_instances(space: Space) -> list[str]:
    of_classes = space.embeddings.table.of_classes
    return [name for name in space.embeddings.columns if name not in of_classes]


def _joined_rows(space: Space, chosen: dict[str, Integers]) -> tuple[tuple[int, ...], ...]:
    # In the order in which rows were drawn; an item that many rows share is joined once.
    table = space.embeddings.table
    names = [name for name in _of_instances(space) if name in chosen]
    starts = dict(zip(chosen, np.cumsum([0, *map(len, chosen.values())])[:-1], strict=True))
    taken: set[int] = set()
    found: list[tuple[int, ...]] = []
    for row in row_order(space) if len(names) > 1 else ():
        held = [(name, table.items[name][row]) for name in names if table.items[name][row] >= 0]
        places = tuple(
            int(starts[name] + np.searchsorted(chosen[name], item))
            for name, item in held
            if item in chosen[name]
        )
        if len(places) == len(held) > 1 and not taken & set(places):
            taken |= set(places)
            found.append(places)
            if len(found) == JOINED:
                break
    return tuple(found)


def row_order(space: Space) -> Integers:
    """Give the rows of a split in an order drawn by the seed."""
    rng = np.random.default_rng(space.seed)
    return np.asarray(rng.permutation(len(space.embeddings.table)))


def _first_labels(space: Space, column: str) -> Integers:
    labels = space.labels(column)
    return np.array([part[0] if len(part) else -1 for part in labels], dtype=np.int64)


def _draw(space: Space, columns: Sequence[str], most: int) -> dict[str, Integers]:
    table = space.embeddings.table
    chosen: dict[str, set[int]] = {name: set() for name in columns}
    for row in row_order(space):
        if sum(map(len, chosen.values())) >= most:
            break
        for name, items in chosen.items():
            if table.items[name][row] >= 0:
                items.add(int(table.items[name][row]))
    return {name: np.array(sorted(items), dtype=np.int64) for name, items in chosen.items()}


def _tsne(vectors: NDArray[np.float32], seed: int) -> Floats:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # Equal vectors have no principal components to start from: a breath of noise gives them some.
    rng = np.random.default_rng(seed)
    jittered = vectors + rng.normal(scale=1e-6, size=vectors.shape)
    tsne = TSNE(
        metric="cosine",
        init="pca",
        perplexity=min(30.0, (len(vectors) - 1) / 3),
        random_state=seed,
    )
    # More threads gain little on so few items, and on a busy machine cost ten times the time.
    with threadpool_limits(1):
        points = tsne.fit_transform(jittered.astype(np.float32)).astype(np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = max(float((high - low).max()), 1e-12)
    return np.asarray(0.5 + (points - (low + high) / 2) / extent)
