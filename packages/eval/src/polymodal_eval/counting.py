"""Counting the gallery scores that reach given edges, tile by tile, decided in float64."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

FEW = 16
"""Up to so many edges a query, a pass of comparisons each is faster than a search (measured)."""


@contextmanager
def exact_products() -> Iterator[None]:
    """Compute float32 products as float32: no autocast, no TF32, no bfloat16, no graph."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with (
            torch.no_grad(),
            torch.autocast("cpu", enabled=False),
            torch.autocast("cuda", enabled=False),
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def rounding_bound(dim: int) -> float:
    """Bound the error of a float32 dot product of two unit vectors of width `dim`.

    (dim + 4) u with u = 2^-24: dim u for the sum in whatever order (Higham, Accuracy and
    Stability of Numerical Algorithms, Eq. 3.5), the rest for vectors a rounding longer than 1 and
    for the rounding of the edge that the score is compared with.
    """
    unit = 2.0**-24
    return (dim + 4) * unit / (1 - (dim + 4) * unit)


def pair_scores(queries: Tensor, gallery: Tensor, rows: Tensor, items: Tensor) -> Tensor:
    """Dot products of chosen (row, item) pairs in float64: [pairs]."""
    scores = torch.empty(len(rows), dtype=torch.float64, device=queries.device)
    step = max(1, (1 << 21) // max(1, queries.shape[1]))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        left = queries.index_select(0, rows[part]).double()
        scores[part] = (left * gallery.index_select(0, items[part]).double()).sum(1)
    return scores


def gathered_scores(
    queries: Tensor, gallery: Tensor, rows: Tensor, items: Tensor, *, block: int
) -> Tensor:
    """Do as `pair_scores`, through products of whole tiles: faster where pairs are dense."""
    scores = torch.empty(len(rows), dtype=torch.float64, device=queries.device)
    wide = queries.double()
    for start in range(0, len(gallery), block):
        here = ((items >= start) & (items < start + block)).nonzero().squeeze(1)
        tile = wide @ gallery[start : start + block].double().T
        scores[here] = tile[rows[here], items[here] - start]
    return scores


def count_few(queries: Tensor, gallery: Tensor, edges: Tensor, *, block: int) -> Tensor:
    """Count, for each query and edge, the gallery scores that reach the edge: int64 like `edges`.

    queries [queries, dim], gallery [gallery, dim] float32 unit vectors; edges [queries, edges]
    float64, +inf where there is none. A float32 product decides what lies further from the edge
    than its rounding bound; the rest is scored again in float64.
    """
    bound = rounding_bound(queries.shape[1])
    above, below = (edges + bound).float(), (edges - bound).float()
    counts = torch.zeros(edges.shape, dtype=torch.int64, device=edges.device)
    for start in range(0, len(gallery), block):
        items = gallery[start : start + block]
        scores = queries @ items.T
        flags = torch.empty_like(scores)  # float32 flags sum ten times faster than bool
        sure, doubtful = torch.empty_like(counts), torch.empty_like(counts)
        for edge in range(edges.shape[1]):
            sure[:, edge] = torch.gt(scores, above[:, edge, None], out=flags).sum(1).long()
            reached = torch.ge(scores, below[:, edge, None], out=flags).sum(1).long()
            doubtful[:, edge] = reached - sure[:, edge]
        if int(doubtful.sum()) > scores.numel() // 16:  # a collapsed space: nearly all is doubtful
            exact = queries.double() @ items.double().T
            for edge in range(edges.shape[1]):
                sure[:, edge] = (exact >= edges[:, edge, None]).sum(1)
        else:
            for edge in doubtful.any(0).nonzero().flatten().tolist():
                rows = doubtful[:, edge].nonzero().squeeze(1)
                near = scores[rows]
                near = (near >= below[rows, edge, None]) & (near <= above[rows, edge, None])
                row, item = near.nonzero().unbind(1)
                reached = pair_scores(queries, items, rows[row], item) >= edges[rows[row], edge]
                sure[:, edge].index_add_(0, rows[row], reached.long())
        counts += sure
    return counts


def count_many(queries: Tensor, gallery: Tensor, edges: Tensor, *, block: int) -> Tensor:
    """Count as `count_few` does, by binary search in a query's edges: for many edges a query."""
    ascending, order = edges.sort(dim=1)
    num_edges = edges.shape[1]
    histogram = torch.zeros(len(edges), num_edges + 1, dtype=torch.int64, device=edges.device)
    wide = queries.double()
    for start in range(0, len(gallery), block):
        scores = wide @ gallery[start : start + block].double().T
        reached = torch.searchsorted(ascending, scores, right=True)  # edges at or below a score
        histogram.scatter_add_(1, reached, torch.ones_like(reached))
    at_least = histogram.flip(1).cumsum(1).flip(1)[:, 1:]
    return torch.empty_like(at_least).scatter_(1, order, at_least)
