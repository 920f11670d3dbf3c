"""Retrieval metrics of two sets of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polymodal_core.errors import PolymodalError

from polymodal_eval.ranking import rank_queries
from polymodal_eval.relevance import Relevance, relevance_of_groups, relevance_of_pairs


def retrieval_metrics(
    queries: Any,
    gallery: Any,
    query_groups: Any = None,
    gallery_groups: Any = None,
    *,
    relevant: Any = None,
    ks: Sequence[int] = (1, 5, 10),
) -> dict[str, float]:
    """Score queries [queries, dim] against a gallery [gallery, dim] by cosine similarity.

    A gallery item is relevant where it has the query's group id (integers [queries] and
    [gallery]; -1 is unknown and matches nothing), or where `relevant` [n, 2] lists the pair of
    query and gallery indices. Items are never paired by position. A tie never helps.

    Returns `r@k` for each of `ks`, `r_precision`, `median_rank`, `map`, and the number of
    `queries` they rest on; queries without a relevant item are left out and counted in
    `left_out`. Metrics are nan where no query remains. Raises PolymodalError for arguments that
    do not fit together.
    """
    check_ks(ks)
    relevance = _relevance(queries, gallery, query_groups, gallery_groups, relevant)
    return rank_queries(queries, gallery, relevance).metrics(ks)


def check_ks(ks: Sequence[int]) -> None:
    """Raise PolymodalError unless `ks` are whole numbers of at least 1."""
    wrong = [k for k in ks if int(k) != k or k < 1]
    if wrong or not len(ks):
        raise PolymodalError(f"ks holds {wrong or 'nothing'}; wanted whole numbers from 1 up")


def _relevance(
    queries: Any, gallery: Any, query_groups: Any, gallery_groups: Any, relevant: Any
) -> Relevance:
    grouped = query_groups is not None or gallery_groups is not None
    if grouped == (relevant is not None) or (query_groups is None) != (gallery_groups is None):
        raise PolymodalError(
            "say which gallery items are right answers: either query_groups and gallery_groups, "
            "or relevant=pairs (query and gallery indices, [n, 2])"
        )
    if relevant is not None:
        return relevance_of_pairs(
            _array(relevant), num_queries=len(queries), num_gallery=len(gallery)
        )
    return relevance_of_groups(_array(query_groups), _array(gallery_groups))


def _array(values: Any) -> Any:
    # A tensor may lie on an accelerator, where NumPy cannot read it.
    return values.detach().cpu().numpy() if hasattr(values, "detach") else values
