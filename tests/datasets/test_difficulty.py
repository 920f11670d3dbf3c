"""The promises of difficulty-aware batches."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from polymodal_datasets.config import HardConfig
from polymodal_datasets.difficulty import EpochOrder, curriculum, difficult_order
from polymodal_datasets.known_matches import KnownMatches
from polymodal_datasets.loading import even_order
from polymodal_datasets.neighbours import Neighbours

HARD = HardConfig()


def random_neighbours(count: int, k: int, *, seed: int = 0) -> Neighbours:
    rng = np.random.default_rng(seed)
    places = rng.integers(0, count - 1, size=(count, k))
    places += places >= np.arange(count)[:, None]
    scores = -np.sort(-rng.uniform(-0.2, 1, size=(count, k)), axis=1)
    return Neighbours(places, scores.astype(np.float32))


def without_matches(count: int) -> KnownMatches:
    return KnownMatches(np.full((count, 1), -1, dtype=np.int64), np.array([True]))


def draw(rows: Any, neighbours: Neighbours, **options: Any) -> EpochOrder:
    given: dict[str, Any] = {"batch_size": 32, "seed": 5, "epoch": 9, "epochs": 10, **options}
    hard = given.pop("hard", HARD)
    matches = given.pop("matches", without_matches(len(rows)))
    return difficult_order(rows, neighbours, matches, hard, **given)


def draw_in_parts(
    rows: Any, found: list[Neighbours], stops: list[int], **options: Any
) -> EpochOrder:
    """Draw an epoch from `found` one after another, each to its stop, the last to the end."""
    order = None
    for neighbours, stop in zip(found, [*stops, None], strict=True):
        order = draw(rows, neighbours, drawn=order, stop=stop, **options)
    assert order is not None
    return order


@pytest.mark.parametrize("stops", [[], [100, 101, 640]])
def test_epoch_of_100_000_rows_keeps_every_promise(stops: list[int]) -> None:
    count, size, k = 100_000, 128, 20
    rows = np.arange(count) * 3 + 7
    rng = np.random.default_rng(1)
    found = [random_neighbours(count, k, seed=number) for number in range(len(stops) + 1)]
    # Captions of one picture, and contents that repeat at random.
    ids = np.stack([np.arange(count) // 5, count + rng.integers(0, count // 2, count)], axis=1)
    matches = KnownMatches(ids, np.array([True, True]))
    order = draw_in_parts(rows, found, stops, matches=matches, batch_size=size)

    assert np.sort(order.rows).tolist() == rows.tolist()  # each row once, those that sit out last
    used = count // size * size
    even = even_order(rows, seed=5, epoch=9)
    # The rows that sit out are those of the even order, whatever the neighbours are.
    assert order.rows[used:].tolist() == even[used:].tolist()
    assert (order.seeds[used:] == -1).all()
    places = (order.rows - 7) // 3
    hard = np.flatnonzero(order.seeds >= 0)
    wanted = sum(
        int(curriculum(HARD, 9 * 781 + number, 7810)[0] * size + 0.5) for number in range(781)
    )
    assert 0.7 * wanted < order.hard == len(hard) <= wanted
    for place in hard[:: len(hard) // 2000]:
        seed = order.seeds[place]
        assert seed // size == place // size
        neighbours = found[sum(place // size >= stop for stop in stops)]
        near = neighbours.places[places[seed]] == places[place]
        assert order.cosines[place] in neighbours.scores[places[seed]][near]
        batch = places[place // size * size : (place // size + 1) * size]
        others = batch[batch != places[place]]
        # Rows drawn evenly to fill up may come later than a partner, and repeat it as they may.
        earlier = others[np.isin(others, places[: place + 1])]
        assert not (ids[earlier] == ids[places[place]]).any()


@pytest.mark.parametrize("stops", [[], [1, 2]])
def test_all_rows_come_equally_often_even_where_one_is_everybodys_neighbour(
    stops: list[int],
) -> None:
    count, epochs = 50, 400
    rows = np.arange(count)
    found = []
    for popular in range(len(stops) + 1):  # another one after each search
        places = np.where(rows == popular, popular + 1, popular)[:, None]
        found.append(Neighbours(places, np.ones((count, 1), dtype=np.float32)))
    visits = np.zeros(count)
    for epoch in range(epochs):
        order = draw_in_parts(rows, found, stops, batch_size=16, epoch=epoch, epochs=epochs)
        assert np.unique(order.rows).tolist() == rows.tolist()
        visits[order.rows[:48]] += 1
    # 48 of 50 rows per epoch; four standard deviations of a binomial draw around 384.
    spread = 4 * math.sqrt(epochs * 0.96 * 0.04)
    assert (np.abs(visits - 0.96 * epochs) < spread).all()


def test_new_neighbours_change_what_is_still_to_come_and_nothing_before() -> None:
    rows = np.arange(200) + 50
    found = [random_neighbours(200, 30, seed=number) for number in range(2)]
    whole = draw(rows, found[0])
    begun = draw(rows, found[0], stop=3)
    assert begun.rows.tolist() == whole.rows[:96].tolist()
    assert begun.seeds.tolist() == whole.seeds[:96].tolist()
    order = draw(rows, found[1], drawn=begun)
    assert order.first(96).rows.tolist() == begun.rows.tolist()
    assert order.first(96).cosines.tolist() == begun.cosines.tolist()
    assert order.rows.tolist() != whole.rows.tolist()
    assert order.rows[192:].tolist() == whole.rows[192:].tolist()
    late = np.flatnonzero(order.seeds[96:] >= 0) + 96
    assert len(late) > 20
    for place in late:
        near = found[1].places[order.rows[order.seeds[place]] - 50]
        assert order.rows[place] - 50 in near
    # The same again from what a checkpoint holds of it, and nothing where nothing is left.
    again = draw(rows, found[1], drawn=begun.first(96))
    assert again.rows.tolist() == order.rows.tolist()
    assert draw(rows, found[1], drawn=begun, stop=3).rows.tolist() == begun.rows.tolist()


def test_share_of_zero_is_the_even_order_in_parts_too() -> None:
    rows = np.arange(10, 110)
    found = [random_neighbours(100, 5, seed=number) for number in range(3)]
    order = draw_in_parts(rows, found, [1, 2], hard=HardConfig(share=0))
    assert order.rows.tolist() == even_order(rows, seed=5, epoch=9).tolist()


def test_partners_are_drawn_by_softmax_of_their_scores() -> None:
    rows = np.arange(6)
    places = np.array([[other for other in range(6) if other != row][:4] for row in range(6)])
    scores = np.random.default_rng(2).uniform(-1, 1, size=(6, 4)).astype(np.float32)
    hard = HardConfig(share=0.5, temperature=(0.7, 0.7))
    drawn: Counter[tuple[int, int]] = Counter()
    for seed in range(4000):
        order = draw(
            rows, Neighbours(places, scores), hard=hard, batch_size=2, seed=seed, epoch=999,
            epochs=1000,
        )  # fmt: skip
        assert order.seeds[1] == 0
        drawn[int(order.rows[0]), int(order.rows[1])] += 1
    for row in range(6):
        total = sum(drawn[row, other] for other in range(6))
        weights = {int(places[row, n]): math.exp(float(scores[row, n]) / 0.7) for n in range(4)}
        for other in range(6):
            chance = weights.get(other, 0.0) / sum(weights.values())
            error = 4.5 * math.sqrt(chance * (1 - chance) / total)
            assert abs(drawn[row, other] / total - chance) <= error


def test_share_of_zero_is_the_even_order_bit_for_bit() -> None:
    rows = np.arange(10, 110)
    order = draw(rows, random_neighbours(100, 5), hard=HardConfig(share=0))
    assert order.rows.tolist() == even_order(rows, seed=5, epoch=9).tolist()
    assert order.hard == 0
    assert order.mean_cosine is None


def test_order_depends_on_seed_and_epoch_alone() -> None:
    rows = np.arange(200)
    neighbours = random_neighbours(200, 10)
    first, again = draw(rows, neighbours), draw(rows, neighbours)
    assert first.rows.tolist() == again.rows.tolist()
    assert first.seeds.tolist() == again.seeds.tolist()
    assert first.rows.tolist() != draw(rows, neighbours, seed=6).rows.tolist()
    assert first.rows.tolist() != draw(rows, neighbours, epoch=8).rows.tolist()


def test_curriculum_is_linear_from_the_first_step_to_the_last() -> None:
    assert curriculum(HARD, 0, 101) == (0.0, 1.0)
    assert curriculum(HARD, 50, 101) == pytest.approx((0.25, 0.55))
    assert curriculum(HARD, 100, 101) == pytest.approx((0.5, 0.1))
    assert curriculum(HARD, 0, 1) == (0.0, 1.0)


def test_place_without_an_allowed_neighbour_is_drawn_evenly() -> None:
    rows = np.arange(64)
    none = Neighbours(np.full((64, 3), -1), np.zeros((64, 3), dtype=np.float32))
    order = draw(rows, none)
    assert np.sort(order.rows).tolist() == rows.tolist()
    assert order.hard == 0
    # All rows hold the same bytes: no partner is allowed, and none is drawn.
    same = KnownMatches(np.zeros((64, 1), dtype=np.int64), np.array([True]))
    assert draw(rows, random_neighbours(64, 3), matches=same).hard == 0
    # Where the objective leaves such rows out by itself, only the seed's neighbours count.
    minded = KnownMatches(np.zeros((64, 1), dtype=np.int64), np.array([False]))
    assert draw(rows, random_neighbours(64, 3), matches=minded).hard > 10


def test_large_share_gives_a_seed_several_partners() -> None:
    order = draw(np.arange(400), random_neighbours(400, 60), hard=HardConfig(share=0.9), epochs=10)
    (counts,) = np.unique(order.seeds[order.seeds >= 0], return_counts=True)[1:]
    assert counts.max() >= 5
    assert np.sort(order.rows).tolist() == list(range(400))
