"""Retrieval metrics of five captions per picture, against the libraries people use for them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np
import torch
from polymodal_eval.metrics import retrieval_metrics
from side_by_side import medians, print_table

PER_QUERY = 5
DIM = 256


def main(*, quick: bool = False) -> None:
    """Print seconds of R@1/5/10 with R-Precision (ours) and of what the others offer."""
    number = 2000 if quick else 5000
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(number // PER_QUERY), PER_QUERY)
    centres = rng.normal(size=(number // PER_QUERY, DIM))[groups]
    queries, gallery = (
        torch.nn.functional.normalize(
            torch.from_numpy(centres + rng.normal(size=centres.shape) * 2.0).float(), dim=1
        )
        for _ in range(2)
    )

    def ours() -> object:
        return retrieval_metrics(queries, gallery, groups, groups)

    def topk() -> object:
        # R@k alone, ties counted as hits, the whole matrix in memory.
        found = groups[(queries @ gallery.T).topk(10, dim=1).indices.numpy()]
        return [(found[:, :k] == groups[:, None]).any(1).mean() for k in (1, 5, 10)]

    name = "ours: R@k, R-Precision, mAP, exact ties"
    ways: dict[str, Callable[[], object]] = {name: ours, "torch: matrix, topk(10), R@k alone": topk}
    if importlib.util.find_spec("faiss") is not None:
        import faiss

        def with_faiss() -> object:
            index = faiss.IndexFlatIP(DIM)
            index.add(gallery.numpy())
            return index.search(queries.numpy(), 10)

        ways["faiss: IndexFlatIP, top 10, R@k alone"] = with_faiss
    if importlib.util.find_spec("torchmetrics") is not None:
        from torchmetrics.functional.retrieval import retrieval_r_precision

        def with_torchmetrics() -> object:
            tenth = range(0, number, 10)
            relevant = torch.from_numpy(groups)
            return [
                retrieval_r_precision(queries[row] @ gallery.T, relevant == relevant[row])
                for row in tenth
            ]

        ways["torchmetrics: R-Precision, a tenth of it"] = with_torchmetrics
    found = medians(ways, rounds=1 if quick else 3)
    print_table(f"{number} x {number}, {PER_QUERY} right answers", found, ours=name)
