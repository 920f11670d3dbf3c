from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_eval.relevance import item_keys
from polymodal_eval.statistics import (
    Estimate,
    bootstrap_draws,
    bootstrap_p_value,
    chance_of_hit,
    chance_of_precision,
    class_mean_interval,
    clusters_of,
    crossed_mean_interval,
    mean_intervals,
    mean_of_differences,
    paired_difference,
    paired_median_difference,
)
from scipy import stats


@pytest.mark.parametrize(
    ("relevant", "size", "k"),
    [([1], 500, 1), ([5, 1, 30], 100, 10), ([3], 4, 2), ([2], 5, 10), ([1, 499], 500, 5)],
)
def test_chance_of_a_hit_is_the_hypergeometric_formula(
    relevant: list[int], size: int, k: int
) -> None:
    drawn = min(k, size)
    wanted = sum(1 - Fraction(comb(size - r, drawn), comb(size, drawn)) for r in relevant)

    assert chance_of_hit(relevant, size, k) == pytest.approx(float(wanted / len(relevant)), 1e-12)


def test_chance_agrees_with_shuffled_galleries() -> None:
    rng = np.random.default_rng(0)
    relevant, size, k = 4, 30, 5
    hits = [(rng.permutation(size)[:k] < relevant).any() for _ in range(20_000)]

    assert chance_of_hit([relevant], size, k) == pytest.approx(np.mean(hits), abs=0.015)


def test_chance_of_precision_is_the_mean_share() -> None:
    assert chance_of_precision([1, 3, 0], 10) == pytest.approx((0.1 + 0.3) / 2)


def test_chance_leaves_out_queries_without_right_answers() -> None:
    assert chance_of_hit([0, 2], 10, 1) == pytest.approx(0.2)
    assert np.isnan(chance_of_hit([0], 10, 1))
    with pytest.raises(PolymodalError, match="11 relevant items in a gallery of 10"):
        chance_of_hit([11], 10, 1)


def test_queries_that_share_an_instance_are_one_cluster() -> None:
    keys = item_keys(np.array([0, 1, 2, 2, 3, 4]), np.array([7, 7, 8, 9, 9, -1]))

    assert clusters_of(keys).tolist() == [0, 0, 1, 1, 2]


def test_intervals_cover_the_mean_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        values = (rng.random((120, 1)) < 0.3).astype(float)
        low, high = mean_intervals(values, np.arange(120), resamples=300, seed=trial)[0]  # type: ignore[index]
        covered += low <= 0.3 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_shared_instances_widen_the_interval_as_theory_says() -> None:
    # 100 instances of 5 equal queries: the standard error is that of 100 queries, not of 500.
    rng = np.random.default_rng(1)
    values = np.repeat((rng.random(100) < 0.5).astype(float), 5)[:, None]
    shared = np.repeat(np.arange(100), 5)

    by_instance = mean_intervals(values, shared, resamples=2000)
    by_query = mean_intervals(values, np.arange(500), resamples=2000)

    assert by_instance is not None
    assert by_query is not None
    deviation = values.std()
    width, naive = (float(found[0, 1] - found[0, 0]) for found in (by_instance, by_query))
    assert width == pytest.approx(2 * 1.96 * deviation / 10, rel=0.12)
    assert naive == pytest.approx(width / np.sqrt(5), rel=0.12)


def test_clusters_of_unequal_size_are_drawn_whole() -> None:
    # Two clusters: means of 9 zeros and of 1 one. Draws: both of the first, mixed, both of second.
    values = np.array([[0.0]] * 9 + [[1.0]])
    clusters = np.array([0] * 9 + [1])

    found = mean_intervals(values, clusters, resamples=4000)

    assert found is not None
    assert found[0].tolist() == [0.0, 1.0]


def test_intervals_repeat_by_seed_and_differ_between_seeds() -> None:
    values = np.random.default_rng(2).random((50, 2))
    first, again, other = (
        mean_intervals(values, np.arange(50), resamples=100, seed=seed) for seed in (1, 1, 2)
    )

    assert np.array_equal(first, again)  # type: ignore[arg-type]
    assert not np.array_equal(first, other)  # type: ignore[arg-type]


def test_too_little_to_resample_gives_no_interval() -> None:
    values = np.ones((3, 1))
    assert mean_intervals(values, np.zeros(3, np.int64)) is None
    assert mean_intervals(values, np.arange(3), resamples=0) is None
    assert class_mean_interval(np.ones(3), np.arange(3), np.zeros(3, np.int64)) is None


def test_class_means_weigh_classes_and_not_queries_alike() -> None:
    # 90 right of class 0, 10 wrong of class 1: plain 0.9, per class 0.5.
    right = np.array([1.0] * 90 + [0.0] * 10)
    classes = np.array([0] * 90 + [1] * 10)

    found = class_mean_interval(right, classes, np.arange(100), resamples=500)

    assert found is not None
    low, high = found
    assert low == pytest.approx(0.5, abs=0.01)
    assert high == pytest.approx(0.5, abs=0.01)


def test_class_mean_interval_equals_a_written_out_bootstrap() -> None:
    rng = np.random.default_rng(3)
    right, classes = (rng.random(200) < 0.4).astype(float), rng.integers(0, 7, 200)
    means = []
    for _ in range(2000):
        drawn = rng.integers(200, size=200)
        seen = [right[drawn][classes[drawn] == c] for c in range(7)]
        means.append(np.mean([part.mean() for part in seen if len(part)]))
    wanted = np.percentile(means, [2.5, 97.5])

    found = class_mean_interval(right, classes, np.arange(200), resamples=2000)

    assert found == pytest.approx(wanted.tolist(), abs=0.012)


def test_paired_differences_are_narrower_than_unpaired_ones() -> None:
    rng = np.random.default_rng(4)
    hardness = rng.random(300)
    first, second = (hardness < 0.55).astype(float), (hardness < 0.5).astype(float)

    found = paired_difference(first, second, np.arange(300))

    assert found.value == pytest.approx(float((first - second).mean()))
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < found.value < found.high < found.value + 0.04
    assert found.above_chance is True


def test_above_chance_needs_both_an_interval_and_a_chance() -> None:
    assert Estimate(0.5, 0.4, 0.6, 0.3).above_chance is True
    assert Estimate(0.5, 0.4, 0.6, 0.4).above_chance is False
    assert Estimate(0.5, chance=0.1).above_chance is None
    assert Estimate(0.5, 0.4, 0.6).above_chance is None


def test_a_difference_is_distinguishable_where_its_interval_leaves_out_zero() -> None:
    assert Estimate(0.2, 0.1, 0.3).distinguishable is True
    assert Estimate(-0.2, -0.3, -0.1).distinguishable is True
    assert Estimate(0.1, -0.1, 0.3).distinguishable is False
    assert Estimate(0.1, 0.0, 0.3).distinguishable is False
    assert Estimate(0.1).distinguishable is None


@pytest.mark.parametrize("size", [41, 42])
def test_differences_of_medians_equal_a_written_out_bootstrap(size: int) -> None:
    # The same draws as the implementation, each resample written out and sorted by NumPy.
    rng = np.random.default_rng(size)
    first, other, second = (rng.integers(1, 30, size) for _ in range(3))
    clusters = np.unique(rng.integers(0, 17, size), return_inverse=True)[1]
    num_clusters = int(clusters.max()) + 1
    drawn = np.random.default_rng([5, num_clusters]).integers(
        num_clusters, size=(300, num_clusters)
    )
    medians = []
    for resample in drawn:
        places = np.concatenate([np.flatnonzero(clusters == cluster) for cluster in resample])
        runs = [np.median(ranks[places]) for ranks in (first, other)]
        medians.append(np.mean(runs) - np.median(second[places]))

    found = paired_median_difference([first, other], [second], clusters, resamples=300, seed=5)

    wanted = np.mean([np.median(first), np.median(other)]) - np.median(second)
    assert found.value == pytest.approx(wanted)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(medians, [2.5, 97.5])))
    assert paired_median_difference([first], [second], np.zeros(size, np.int64)).low is None


def test_mean_of_differences_draws_an_instance_together_in_all_measurements() -> None:
    # Two measurements of the same instances err together: no narrower than one of them alone.
    rng = np.random.default_rng(6)
    one = rng.normal(size=200)
    groups = np.arange(200)

    together = mean_of_differences([one, one], [groups, groups], resamples=2000)
    apart = mean_of_differences([one, one], [groups, groups + 200], resamples=2000)

    assert together.value == pytest.approx(one.mean())
    widths = [
        found.high - found.low
        for found in (together, apart)
        if found.high is not None and found.low is not None
    ]
    assert widths[0] == pytest.approx(2 * 1.96 * one.std() / np.sqrt(200), rel=0.1)
    assert widths[1] == pytest.approx(widths[0] / np.sqrt(2), rel=0.1)


def test_mean_of_differences_weighs_measurements_alike_and_unknown_instances_stand_alone() -> None:
    many, few = np.full(90, 0.5), np.array([-0.5, -0.1])
    unknown = np.full(90, -1)

    found = mean_of_differences([many, few], [unknown, np.array([3, 3])], resamples=500)

    assert found.value == pytest.approx((0.5 - 0.3) / 2)
    assert found.low is not None
    assert found.high is not None
    # A resample without instance 3 leaves the second measurement out of its mean.
    assert (found.low, found.high) == pytest.approx((0.1, 0.5))
    assert mean_of_differences([few], [np.array([3, 3])]).low is None


def test_an_interval_over_draws_and_clusters_at_once() -> None:
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(40), 2)
    counts = (rng.random((12, 80)) < 0.8).astype(np.float64)
    shift = rng.normal(size=(12, 1)) + rng.normal(size=40)[clusters]
    values = counts * (shift + rng.normal(size=(12, 80)))

    found = crossed_mean_interval(values, counts, clusters, resamples=4000)

    assert found is not None
    # Loop by loop, by other draws: the same up to the noise of 4000 resamples.
    means = []
    for _ in range(4000):
        rows = rng.integers(12, size=12)
        items = np.concatenate([[2 * n, 2 * n + 1] for n in rng.integers(40, size=40)])
        means.append(values[rows][:, items].sum() / counts[rows][:, items].sum())
    np.testing.assert_allclose(found, np.percentile(means, [2.5, 97.5]), atol=0.08)
    narrow = mean_intervals(
        (values.sum(axis=0) / counts.sum(axis=0))[:, None], clusters, resamples=4000
    )
    assert narrow is not None
    assert found[1] - found[0] > float(narrow[0, 1] - narrow[0, 0])
    assert crossed_mean_interval(values, counts, clusters, resamples=0) is None
    assert crossed_mean_interval(values, counts, np.zeros(80, np.int64)) is None


@pytest.mark.parametrize("seed", range(12))
def test_the_p_value_is_below_a_level_where_the_interval_leaves_out_0(seed: int) -> None:
    rng = np.random.default_rng(seed)
    resampled = rng.normal(rng.uniform(-3, 3), 1.0, size=400)
    if seed % 3 == 0:
        resampled = np.round(2 * resampled) / 2  # many are 0
    p_value = bootstrap_p_value(resampled)
    for level in np.linspace(0.01, 0.99, 99):
        tail = 50 * (1 - level)
        low, high = np.percentile(resampled, [tail, 100 - tail])
        if abs(1 - level - p_value) > 1e-9 and p_value > 2 / 401:
            assert (low > 0 or high < 0) == (p_value < 1 - level), level


def test_the_p_value_of_draws_that_are_all_on_one_side_is_what_so_many_can_tell() -> None:
    assert bootstrap_p_value(np.linspace(0.1, 1, 999)) == pytest.approx(0.002)
    assert bootstrap_p_value(-np.linspace(0.1, 1, 999)) == pytest.approx(0.002)
    assert bootstrap_p_value(np.zeros(9)) == 1.0
    assert bootstrap_p_value(np.array([-1.0, 1.0])) == 1.0
    assert bootstrap_p_value(np.array([0.0, 1.0, 2.0])) == 0.5  # all that 2 / (3 + 1) allows
    assert bootstrap_p_value(np.array([-1.0] * 3 + [3.0] * 97)) == pytest.approx(2 * 2.25 / 99)


@pytest.mark.parametrize("gain", [0.0, 0.03, 0.06])
def test_the_p_value_is_near_that_of_tests_of_independent_pairs(gain: float) -> None:
    """McNemar's exact test and the paired t-test, where nothing is clustered."""
    rng = np.random.default_rng(4)
    first = (rng.random(1500) < 0.6).astype(float)
    flipped = rng.random(1500)
    second = np.where(flipped < 0.1 - gain, 1.0, np.where(flipped > 0.9, 0.0, first))
    difference = first - second
    drawn = np.concatenate(
        [counts @ difference / 1500 for counts in bootstrap_draws(1500, 4000, 0)]
    )
    found = bootstrap_p_value(drawn)
    better, worse = int((difference > 0).sum()), int((difference < 0).sum())
    mcnemar = stats.binomtest(better, better + worse, 0.5).pvalue
    assert found == pytest.approx(mcnemar, abs=0.05)
    assert found == pytest.approx(stats.ttest_rel(first, second).pvalue, abs=0.03)
