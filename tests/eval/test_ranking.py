from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.errors import PolymodalError
from polymodal_eval import counting
from polymodal_eval.ranking import TIE, QueryRanks, rank_queries, unit_vectors
from polymodal_eval.relevance import Relevance, relevance_of_groups, relevance_of_pairs

Array = np.ndarray[Any, Any]


def reference(queries: Array, gallery: Array, right: Array) -> list[tuple[int, int, float]]:
    """Best rank, hits in the top r and average precision, by sorting with the irrelevant first."""
    found = []
    a = np.asarray(queries, np.float64)
    b = np.asarray(gallery, np.float64)
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    b = b / np.linalg.norm(b, axis=1, keepdims=True)
    for query, relevant in zip(a, right, strict=True):
        scores = b @ query
        ranks = []
        for place, item in enumerate(sorted(np.flatnonzero(relevant), key=lambda i: -scores[i])):
            before = sum(
                not relevant[other] and scores[other] >= scores[item] - TIE
                for other in range(len(b))
            )
            ranks.append(place + 1 + before)
        r = len(ranks)
        if not r:
            found.append((0, 0, 0.0))
            continue
        precision = sum((place + 1) / rank for place, rank in enumerate(ranks)) / r
        found.append((ranks[0], sum(rank <= r for rank in ranks), precision))
    return found


def check(ranks: QueryRanks, wanted: list[tuple[int, int, float]], right: Array) -> None:
    assert ranks.best_rank.tolist() == [best for best, _, _ in wanted]
    assert ranks.hits.tolist() == [hits for _, hits, _ in wanted]
    np.testing.assert_allclose(ranks.average_precision, [mean for _, _, mean in wanted], rtol=1e-12)
    assert ranks.num_relevant.tolist() == right.sum(1).tolist()


def problem(seed: int, *, queries: int = 37, items: int = 61, groups: int = 12) -> Any:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(groups, 16))
    query_groups = rng.integers(-1, groups, size=queries)
    gallery_groups = rng.integers(-1, groups, size=items)
    a = (centres[query_groups] + rng.normal(size=(queries, 16))).astype(np.float32)
    b = (centres[gallery_groups] + rng.normal(size=(items, 16))).astype(np.float32)
    b[items // 2 :] = b[: items - items // 2]  # exact ties between items of different groups
    right = (query_groups[:, None] == gallery_groups[None]) & (query_groups[:, None] >= 0)
    return a, b, query_groups, gallery_groups, right


@pytest.mark.parametrize("groups", [1, 3, 12, 40])
@pytest.mark.parametrize("tile", [(1024, 4096), (5, 7), (1, 1)])
def test_ranks_equal_a_float64_sort_whatever_the_tile(groups: int, tile: tuple[int, int]) -> None:
    a, b, query_groups, gallery_groups, right = problem(groups, groups=groups)
    relevance = relevance_of_groups(query_groups, gallery_groups)

    ranks = rank_queries(a, b, relevance, rows=tile[0], block=tile[1])

    check(ranks, reference(a, b, right), right)


def test_few_and_many_relevant_items_count_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, query_groups, gallery_groups, right = problem(5, groups=6)
    relevance = relevance_of_groups(query_groups, gallery_groups)
    wanted = reference(a, b, right)
    for few in (0, 1000):
        monkeypatch.setattr("polymodal_eval.ranking.FEW", few)
        check(rank_queries(a, b, relevance), wanted, right)


def test_a_collapsed_space_finds_nothing_first() -> None:
    groups = np.arange(20)
    same = np.ones((20, 8), dtype=np.float32)

    ranks = rank_queries(same, same, relevance_of_groups(groups, groups))

    assert ranks.best_rank.tolist() == [20] * 20
    assert ranks.metrics()["r@1"] == 0.0


def test_a_space_that_collapsed_but_for_rounding_finds_nothing_first() -> None:
    rng = np.random.default_rng(0)
    noisy = 1 + rng.uniform(-1e-7, 1e-7, size=(300, 64))
    groups = np.arange(300)

    ranks = rank_queries(noisy, noisy[:, ::-1].copy(), relevance_of_groups(groups, groups))

    assert ranks.metrics()["r@1"] == 0.0
    assert ranks.best_rank.tolist() == [300] * 300


def test_zero_vectors_tie_with_everything() -> None:
    groups = np.arange(4)

    ranks = rank_queries(np.zeros((4, 3)), np.eye(4, 3), relevance_of_groups(groups, groups))

    assert ranks.best_rank.tolist() == [4] * 4


@pytest.mark.parametrize(("gap", "rank"), [(0.0, 2), (TIE / 4, 2), (-TIE / 4, 2), (4 * TIE, 1)])
def test_an_irrelevant_item_within_rounding_stands_before(gap: float, rank: int) -> None:
    # Cosines 0.6 and 0.6 - gap, to the query (1, 0).
    cosines = np.array([0.6, 0.6 - gap])
    gallery = np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1)
    relevance = relevance_of_pairs([[0, 0]], num_queries=1, num_gallery=2)

    ranks = rank_queries(np.array([[1.0, 0.0]]), gallery, relevance)

    assert ranks.best_rank.tolist() == [rank]


def test_near_ties_are_decided_as_in_float64_where_float32_products_cannot() -> None:
    # 400 items whose cosines lie 5e-7 apart: closer than a float32 dot product is sure to be.
    rng = np.random.default_rng(1)
    dim, size = 512, 400
    query = rng.normal(size=(1, dim))
    query /= np.linalg.norm(query)
    across = rng.normal(size=(size, dim))
    across -= across @ query.T * query
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    cosines = 0.5 + 5e-7 * rng.permutation(size)
    gallery = unit_vectors(
        "gallery", cosines[:, None] * query + np.sqrt(1 - cosines[:, None] ** 2) * across
    ).numpy()
    rounded = unit_vectors("queries", query).numpy()
    scores = gallery.astype(np.float64) @ rounded[0].astype(np.float64)
    assert 400 * 5e-7 > counting.rounding_bound(dim) > 5e-7  # the case is as hard as it is meant
    for right in (0, 150, 399):
        relevance = relevance_of_pairs([[0, right]], num_queries=1, num_gallery=size)
        wanted = int((scores >= scores[right] - TIE).sum())
        for block in (400, 64, 3):
            found = rank_queries(rounded, gallery, relevance, block=block)
            assert found.best_rank.tolist() == [wanted]


def test_results_do_not_depend_on_the_precision_that_training_set() -> None:
    # As large as where a CPU with bfloat16 units begins to round a float32 product to them.
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(512, 256)), rng.normal(size=(512, 256))
    relevance = relevance_of_groups(np.arange(512), np.arange(512))
    plain = rank_queries(a, b, relevance)
    try:
        torch.set_float32_matmul_precision("medium")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            lowered = rank_queries(a, b, relevance)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert lowered.best_rank.tolist() == plain.best_rank.tolist()
    assert lowered.average_precision.tolist() == plain.average_precision.tolist()


def test_vectors_are_compared_by_direction_alone() -> None:
    a, b, query_groups, gallery_groups, _ = problem(4)
    relevance = relevance_of_groups(query_groups, gallery_groups)
    scale = np.random.default_rng(0).uniform(0.01, 100, size=(len(b), 1))

    stretched = rank_queries(a * 17, b * scale, relevance)

    plain = rank_queries(a, b, relevance)
    assert stretched.best_rank.tolist() == plain.best_rank.tolist()


def test_memory_does_not_grow_with_the_product_of_the_sizes() -> None:
    # One class: every query has every item as a right answer, queries x gallery pairs in all.
    sizes: list[int] = []
    real = Relevance.of

    class Watched(Relevance):
        def of(self, queries: Array) -> tuple[Array, Array]:
            counts, items = real(self, queries)
            sizes.append(len(items))
            return counts, items

    size = 2000
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(size, 4)).astype(np.float32)
    plain = relevance_of_groups(np.zeros(size, int), np.zeros(size, int))

    ranks = rank_queries(vectors, vectors, Watched(plain.query_keys, plain.gallery_keys))

    assert ranks.hits.tolist() == [size] * size
    assert max(sizes) < size * size / 3


@pytest.mark.parametrize(
    ("queries", "gallery", "message"),
    [
        (np.zeros((3, 4)), np.zeros((3, 5)), "4 wide and the gallery 5"),
        (np.zeros(3), np.zeros((3, 4)), r"queries has shape \[3\]"),
        (np.zeros((3, 4), int), np.zeros((3, 4)), "int64; wanted floats"),
        (np.zeros((2, 4)), np.zeros((3, 4)), "3 queries and 3 gallery items; there are 2 and 3"),
        (np.zeros((3, 4)), np.full((3, 4), np.nan), "gallery has values that are not finite"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(queries: Any, gallery: Any, message: str) -> None:
    with pytest.raises(PolymodalError, match=message):
        rank_queries(queries, gallery, relevance_of_groups([0, 1, 2], [0, 1, 2]))


def test_float16_and_bfloat16_tensors_are_accepted() -> None:
    vectors = torch.eye(3)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        ranks = rank_queries(
            vectors.to(dtype).requires_grad_(),
            vectors,
            relevance_of_groups([0, 1, 2], [0, 1, 2]),
        )
        assert ranks.best_rank.tolist() == [1, 1, 1]
