"""The space in two dimensions, by t-SNE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

FEWEST = 12


@dataclass(frozen=True)
class Projection:
    """Items of all columns in the plane: `points` [items, 2] within 0..1.

    `column` [items] indexes `columns`; `label` [items] is the item's smallest label or -1.
    """

    points: Floats
    column: Integers
    columns: tuple[str, ...]
    label: Integers


def project(space: Space, *, most: int = 1000) -> Projection | None:
    """Project about `most` items by t-SNE with cosine distance (van der Maaten, Hinton 2008).

    Rows are drawn by the seed and each brings its items, so that matching items are there
    together. None where there are too few items to say anything.
    """
    embeddings = space.embeddings
    columns = tuple(embeddings.columns)
    chosen = _draw(space, most)
    vectors = np.concatenate([embeddings.vectors[name][chosen[name]] for name in columns])
    if len(vectors) < FEWEST:
        return None
    column = np.repeat(np.arange(len(columns)), [len(chosen[name]) for name in columns])
    labels = [space.labels(name) for name in columns]
    label = np.array(
        [
            labels[number][item][0] if len(labels[number][item]) else -1
            for number, name in enumerate(columns)
            for item in chosen[name]
        ],
        dtype=np.int64,
    )
    return Projection(_tsne(vectors, space.seed), column.astype(np.int64), columns, label)


def _draw(space: Space, most: int) -> dict[str, Integers]:
    table = space.embeddings.table
    rows = np.random.default_rng(space.seed).permutation(len(table))
    chosen: dict[str, set[int]] = {name: set() for name in space.embeddings.columns}
    for row in rows:
        if sum(map(len, chosen.values())) >= most:
            break
        for name, items in chosen.items():
            if table.items[name][row] >= 0:
                items.add(int(table.items[name][row]))
    return {name: np.array(sorted(items), dtype=np.int64) for name, items in chosen.items()}


def _tsne(vectors: NDArray[np.float32], seed: int) -> Floats:
    from sklearn.manifold import TSNE

    # Equal vectors have no principal components to start from: a breath of noise gives them some.
    rng = np.random.default_rng(seed)
    jittered = vectors + rng.normal(scale=1e-6, size=vectors.shape)
    tsne = TSNE(
        metric="cosine",
        init="pca",
        perplexity=min(30.0, (len(vectors) - 1) / 3),
        random_state=seed,
    )
    points = tsne.fit_transform(jittered.astype(np.float32)).astype(np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = max(float((high - low).max()), 1e-12)
    return np.asarray(0.5 + (points - (low + high) / 2) / extent)
