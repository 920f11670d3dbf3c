"""Ranks of the relevant items of every query, in tiles: nothing of size queries x gallery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from polymodal_core.errors import PolymodalError
from torch import Tensor

from polymodal_eval.counting import (
    FEW,
    count_few,
    count_many,
    exact_products,
    gathered_scores,
    pair_scores,
)
from polymodal_eval.relevance import split_by_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.relevance import Relevance

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

TIE = 1e-6
"""Cosines that differ by no more are equal to within the rounding of float32 embeddings: about
16 units in the last place of 1, room for the rounding of the vectors, of their norms, and of a
forward pass in batches of another make-up."""


@dataclass(frozen=True)
class QueryRanks:
    """What every metric of a query is computed from; all arrays [queries].

    `best_rank` is the rank of the best relevant item (1 = best, 0 where there is none), `hits`
    the relevant items among the first `num_relevant`, `average_precision` the mean over relevant
    items of the precision at their rank. `num_gallery` is the number of candidates.
    """

    best_rank: Integers
    hits: Integers
    num_relevant: Integers
    average_precision: Floats
    num_gallery: int

    @property
    def answerable(self) -> NDArray[np.bool_]:
        """Which queries have a relevant item at all; the others are left out and counted."""
        return self.num_relevant > 0

    def values(self, ks: Sequence[int] = (1, 5, 10)) -> dict[str, Floats]:
        """Give the metrics that are means over queries, per answerable query."""
        kept = self.answerable
        best, relevant = self.best_rank[kept], self.num_relevant[kept]
        found = {f"r@{k}": (best <= k).astype(np.float64) for k in ks}
        found["r_precision"] = self.hits[kept] / relevant
        found["map"] = self.average_precision[kept]
        return found

    def metrics(self, ks: Sequence[int] = (1, 5, 10)) -> dict[str, float]:
        """Give the metrics over all answerable queries, and how many there are; nan for none."""
        kept = self.answerable
        num_kept = int(kept.sum())
        values = {
            name: float(value.mean()) if num_kept else float("nan")
            for name, value in self.values(ks).items()
        }
        average_precision = values.pop("map")
        return {
            **values,
            "median_rank": float(np.median(self.best_rank[kept])) if num_kept else float("nan"),
            "map": average_precision,
            "queries": float(num_kept),
            "left_out": float(len(kept) - num_kept),
        }


def rank_queries(
    queries: Any, gallery: Any, relevance: Relevance, *, rows: int = 1024, block: int = 4096
) -> QueryRanks:
    """Rank the relevant items of every query by cosine similarity.

    queries [queries, dim] and gallery [gallery, dim] are arrays or tensors of any length and
    float type. A relevant item's rank is 1 + the relevant items that score higher + the
    irrelevant items that score higher or as high, where scores within `TIE` are equal: a tie
    never helps. All comparisons are decided by float64 products of the unit vectors in float32,
    so that results do not depend on the tile of `rows` x `block` scores. Raises PolymodalError
    for other shapes and for vectors that are not finite.
    """
    query_vectors = unit_vectors("queries", queries)
    items = unit_vectors("gallery", gallery, device=query_vectors.device)
    if query_vectors.shape[1] != items.shape[1]:
        raise PolymodalError(
            f"queries are {query_vectors.shape[1]} wide and the gallery {items.shape[1]}; wanted "
            f"vectors of one space"
        )
    sizes = (relevance.num_queries, relevance.num_gallery)
    if sizes != (len(query_vectors), len(items)):
        raise PolymodalError(
            f"relevance is given for {sizes[0]} queries and {sizes[1]} gallery items; there are "
            f"{len(query_vectors)} and {len(items)}"
        )
    best, hits, relevant = (np.zeros(len(query_vectors), np.int64) for _ in range(3))
    precision = np.zeros(len(query_vectors), np.float64)
    with exact_products():
        for part in _chunks(relevance.bounds(), rows):
            counts, found = relevance.of(part)
            relevant[part] = counts
            if len(found):
                best[part], hits[part], precision[part] = _rank(
                    query_vectors[torch.from_numpy(part)], items, counts, found, block=block
                )
    return QueryRanks(best, hits, relevant, precision, len(items))


def unit_vectors(name: str, vectors: Any, *, device: torch.device | None = None) -> Tensor:
    """Scale vectors [items, dim] to length 1 in float64 and round to float32; zero stays zero."""
    given = vectors if isinstance(vectors, Tensor) else torch.from_numpy(np.asarray(vectors))
    given = given.detach()
    if given.ndim != 2 or not given.is_floating_point():
        raise PolymodalError(
            f"{name} has shape {list(given.shape)} of {given.dtype}; wanted floats [items, dim]"
        )
    if device is None:
        # Apple's device has no float64, which decides the ties.
        device = torch.device("cpu") if given.device.type == "mps" else given.device
    given = given.to(device)
    scaled = torch.empty(given.shape, dtype=torch.float32, device=device)
    for start in range(0, len(given), 1 << 14):
        wide = given[start : start + (1 << 14)].double()
        if not bool(torch.isfinite(wide).all()):
            bad = int((~torch.isfinite(wide).all(1)).nonzero()[0]) + start
            raise PolymodalError(f"{name} has values that are not finite, first in item {bad}")
        norms = wide.norm(dim=1, keepdim=True)
        scaled[start : start + (1 << 14)] = wide / norms.masked_fill(norms == 0, 1)
    return scaled


def _chunks(bounds: Integers, rows: int) -> list[Integers]:
    # Queries of like numbers of relevant items go together: their edges are padded to the most.
    order = np.argsort(bounds, kind="stable").astype(np.int64)
    few = int(np.searchsorted(bounds[order], FEW, side="right"))
    chunks = [order[start : start + rows] for start in range(0, few, rows)]
    for part in split_by_size(order[few:], bounds[order[few:]]):
        step = max(1, rows // 4)  # float64 scores and their positions take four times the room
        chunks += [part[start : start + step] for start in range(0, len(part), step)]
    return chunks


def _rank(
    queries: Tensor, gallery: Tensor, counts: Integers, found: Integers, *, block: int
) -> tuple[Integers, Integers, Floats]:
    width = int(counts.max())
    device = queries.device
    size = torch.from_numpy(counts).to(device)
    rows = torch.repeat_interleave(torch.arange(len(counts), device=device), size)
    first = torch.cumsum(size, 0) - size
    place = torch.arange(len(rows), device=device) - first[rows]
    items = torch.from_numpy(found).to(device)
    if width <= FEW:
        scores, count = pair_scores(queries, gallery, rows, items), count_few
    else:
        scores, count = gathered_scores(queries, gallery, rows, items, block=block), count_many
    # Negated, so that the best comes first and the padding (+inf) last.
    negated = torch.full((len(counts), width), torch.inf, dtype=torch.float64, device=device)
    negated[rows, place] = -scores
    negated = negated.sort(dim=1).values
    real = torch.arange(width, device=device) < size[:, None]
    edges = torch.where(real, -negated - TIE, torch.inf)
    reached = count(queries, gallery, edges, block=block)
    relevant_reached = torch.searchsorted(negated, -edges, right=True)
    order = torch.arange(1, width + 1, device=device)
    ranks = order + (reached - relevant_reached).clamp(min=0)
    hits = ((ranks <= size[:, None]) & real).sum(1)
    precision = torch.where(real, order / ranks.double(), 0.0).sum(1) / size.clamp(min=1)
    best = torch.where(size > 0, ranks[:, 0], 0)
    return best.cpu().numpy(), hits.cpu().numpy(), precision.cpu().numpy()
