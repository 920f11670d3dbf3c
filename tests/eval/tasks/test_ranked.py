from __future__ import annotations

import numpy as np
import pytest
from polymodal_eval.entries import entries_of
from polymodal_eval.ranking import rank_queries
from polymodal_eval.relevance import relevance_of_columns
from polymodal_eval.tasks.ranked import query_clusters, query_records, rank_estimates

from tests.eval.worlds import embedding_table, row_table, space_of


def test_records_carry_what_comparisons_join_on() -> None:
    table = row_table({"image": [0, 0, 1, 2], "text": [0, 1, -1, 2]}, instance=[9, 4, -1, 5])
    vectors = {"image": np.eye(3), "text": np.eye(3)[[0, 1, 2]]}
    space = space_of(embedding_table(vectors, table, first_number=100))
    relevance = relevance_of_columns(table, "image", "text")
    ranks = rank_queries(vectors["image"], vectors["text"], relevance)
    kept = np.flatnonzero(ranks.answerable)
    images = entries_of(space.embeddings, ("image",))
    clusters = query_clusters(space, images, kept)
    score = np.array([1.0, 0.5])

    found = query_records(space, images, kept, clusters=clusters, score=score, ranks=ranks)

    assert found.item.tolist() == [100, 102]
    assert found.id == ("image/100", "image/102")
    assert found.instance.tolist() == [4, 5]  # the smallest of 4 and 9
    assert found.cluster.tolist() == [0, 1]
    assert found.num_relevant is not None
    assert found.num_relevant.tolist() == [2, 1]
    assert found.rank is not None
    assert found.rank.tolist() == [1, 1]
    assert found.labels is None
    unknown = query_records(
        space, images, np.array([1]), clusters=np.zeros(1, np.int64), score=np.zeros(1)
    )
    assert unknown.instance.tolist() == [-1]
    assert unknown.rank is None


def test_intervals_resample_the_instance_that_captions_share() -> None:
    rng = np.random.default_rng(0)
    size, each = 60, 5
    image = np.arange(size).repeat(each)
    table = row_table({"image": image.tolist(), "text": list(range(size * each))}, instance=image)
    pictures = rng.normal(size=(size, 8))
    texts = pictures[image] + 0.8 * rng.normal(size=(size, 8))[image]  # captions err together
    space = space_of(embedding_table({"image": pictures, "text": texts}, table), resamples=500)
    vectors = space.embeddings.vectors
    ranks = rank_queries(
        vectors["text"], vectors["image"], relevance_of_columns(table, "text", "image")
    )

    texts_asked = entries_of(space.embeddings, ("text",))
    clusters = query_clusters(space, texts_asked, np.arange(size * each))

    found = rank_estimates(space, ranks, clusters, (1, 5))

    assert clusters.tolist() == image.tolist()
    estimate = found["r@1"]
    assert estimate.low is not None
    assert estimate.high is not None
    share = estimate.value
    alone = 2 * 1.96 * np.sqrt(share * (1 - share) / (size * each))
    assert estimate.high - estimate.low > 1.7 * alone
    assert estimate.chance == pytest.approx(1 / size)
    assert found["r@5"].chance == pytest.approx(5 / size)
    assert found["r_precision"].chance == pytest.approx(1 / size)
    assert found["map"].chance is None
    assert found["median_rank"].low is None
    assert list(found) == ["r@1", "r@5", "r_precision", "map", "median_rank"]


def test_records_of_a_combination_join_the_ids_of_its_items() -> None:
    table = row_table({"image": [0, 0, 1], "text": [0, 1, -1]}, instance=[3, 3, 4])
    vectors = {"image": np.eye(2), "text": np.eye(2)}
    space = space_of(embedding_table(vectors, table, first_number=7))
    both = entries_of(space.embeddings, ("image", "text"))
    kept = np.arange(2)

    found = query_records(
        space, both, kept, clusters=query_clusters(space, both, kept), score=np.ones(2)
    )

    assert found.id == ("image/7 + text/7", "image/7 + text/8")
    assert found.item.tolist() == [7, 7]
    assert found.instance.tolist() == [3, 3]
    assert found.cluster.tolist() == [0, 0]
