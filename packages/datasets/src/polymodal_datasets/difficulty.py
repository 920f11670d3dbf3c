"""Difficulty-aware batches: rows that the model confuses meet in one batch more often.

The sampling of trimodal-fusion (section 3), made exact: the paper says that negatives of high
similarity are emphasised under a curriculum, and gives neither form nor numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polymodal_datasets.loading import even_order, num_batches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from polymodal_datasets.config import HardConfig
    from polymodal_datasets.known_matches import KnownMatches
    from polymodal_datasets.neighbours import Neighbours

    Integers = NDArray[np.int64]
    Booleans = NDArray[np.bool_]
    Floats = NDArray[np.float32]

HARD = 0x68617264
"""Tells the draws of partners from those of the even order."""


@dataclass(frozen=True)
class EpochOrder:
    """The order of an epoch's rows, batch after batch; those that sit out stand last.

    `rows` [rows] are rows of the store. `seeds` [rows] is for a hard partner the place in `rows` of
    the row whose neighbour it is, -1 for rows drawn evenly; `cosines` [rows] are their scores. Of
    an epoch that is drawn in part, it holds the batches drawn so far.
    """

    rows: Integers
    seeds: Integers
    cosines: Floats

    @property
    def hard(self) -> int:
        """Number of hard partners."""
        return int((self.seeds >= 0).sum())

    @property
    def mean_cosine(self) -> float | None:
        """Mean score of hard partners; None without any."""
        return float(self.cosines[self.seeds >= 0].mean()) if self.hard else None

    def first(self, count: int) -> EpochOrder:
        """Give the first `count` rows."""
        return EpochOrder(self.rows[:count], self.seeds[:count], self.cosines[:count])


def curriculum(hard: HardConfig, step: int, total: int) -> tuple[float, float]:
    """Give share and temperature in `step` (0-based) of `total`: linear from first to last."""
    done = min(1.0, step / max(1, total - 1))
    first, last = hard.temperature
    return hard.share * done, first + (last - first) * done


def difficult_order(  # noqa: PLR0913
    rows: Integers,
    neighbours: Neighbours,
    matches: KnownMatches,
    hard: HardConfig,
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    epochs: int,
    drawn: EpochOrder | None = None,
    stop: int | None = None,
) -> EpochOrder:
    """Order the training `rows` (ascending) of an epoch; the same for the same arguments.

    Of each batch, the share that the curriculum gives are partners: of seeds among the rows drawn
    evenly, with probability proportional to exp(score / temperature) among the seed's neighbours
    that the epoch has not visited yet. A partner is no known match of its seed, and holds the
    stored bytes of no other row of its batch, nor is it of its instance where the objective would
    take that for a negative. Where a seed has no neighbour left, the place is drawn evenly.

    Every row has the same expected number of visits. Which rows are too many for full batches is
    decided by the even order alone, in which all rows stand alike; each other row comes exactly
    once, since seeds and partners are drawn without replacement. With a share of 0, the order is
    `even_order`, bit for bit.

    All of that holds too where neighbours change within the epoch: `drawn` are its whole batches
    drawn before, which stay as they are, and `stop` is the number of the first batch that is not to
    be drawn yet; None: all are drawn, and the rows that sit out follow.
    """
    import numpy as np

    order = even_order(rows, seed=seed, epoch=epoch)
    places = np.searchsorted(rows, order)
    batches = num_batches(rows, batch_size, drop_last=True)
    used = batches * batch_size
    before = order[:0] if drawn is None else drawn.rows
    start = len(before) // batch_size
    last = batches if stop is None else min(stop, batches)
    queue = places[:used][~np.isin(order[:used], before)]
    # An epoch that goes on after other batches draws other numbers than it began with.
    rng = np.random.default_rng([seed, epoch, HARD, *([start] if start else [])])
    draw = _Draw(queue, neighbours, matches, rng)
    for number in range(start, last):
        share, temperature = curriculum(hard, epoch * batches + number, epochs * batches)
        partners = min(int(share * batch_size + 0.5), batch_size - 1)
        draw.batch(batch_size, partners, temperature)
    idle = places[used:] if last == batches else places[:0]
    found = EpochOrder(
        rows[np.concatenate([places[:0], *draw.order, idle]).astype(np.int64)],
        np.concatenate([draw.seeds, np.full(len(idle), -1)]).astype(np.int64),
        np.concatenate([draw.cosines, np.zeros(len(idle))]).astype(np.float32),
    )
    return found if drawn is None else _joined(drawn, found)


def _joined(drawn: EpochOrder, found: EpochOrder) -> EpochOrder:
    import numpy as np

    seeds = np.where(found.seeds >= 0, found.seeds + len(drawn.rows), -1)
    return EpochOrder(
        np.concatenate([drawn.rows, found.rows]),
        np.concatenate([drawn.seeds, seeds]),
        np.concatenate([drawn.cosines, found.cosines]),
    )


class _Draw:
    # The draws of an epoch: which rows are free, and what the batch at hand holds.
    def __init__(
        self,
        queue: Integers,
        neighbours: Neighbours,
        matches: KnownMatches,
        rng: np.random.Generator,
    ) -> None:
        import numpy as np

        self.order: list[Integers] = []
        self.seeds: list[int] = []
        self.cosines: list[float] = []
        self._queue, self._at = queue, 0
        self._neighbours = neighbours
        self._rng = rng
        self._free = np.zeros(len(matches.ids), dtype=np.bool_)
        self._free[queue] = True
        self._ids = np.ascontiguousarray(matches.ids[:, matches.whole_batch])
        # The batch that held an id last; the id -1 finds the last place, which stays empty.
        self._held = np.full(int(self._ids.max(initial=-1)) + 2, -1, dtype=np.int64)
        self._number = 0

    def batch(self, size: int, partners: int, temperature: float) -> None:
        evens = self._take(size - partners)
        start = len(self.seeds)
        self.order.append(evens)
        self.seeds += [-1] * len(evens)
        self.cosines += [0.0] * len(evens)
        found = self._partners(evens, partners, temperature)
        for place, partner, score in found:
            self.seeds.append(start + place)
            self.cosines.append(score)
            self.order.append(partner)
        rest = self._take(partners - len(found))
        self.order.append(rest)
        self.seeds += [-1] * len(rest)
        self.cosines += [0.0] * len(rest)
        self._number += 1

    def _take(self, count: int) -> Integers:
        # The next free rows of a random order are an even draw among those that are free.
        import numpy as np

        taken = [self._queue[:0]]
        while count > 0:
            part = self._queue[self._at : self._at + count]
            self._at += len(part)
            part = part[self._free[part]]
            taken.append(part)
            count -= len(part)
        rows = np.concatenate(taken)
        self._visit(rows)
        return rows

    def _visit(self, rows: Integers) -> None:
        self._free[rows] = False
        ids = self._ids[rows]
        self._held[ids[ids >= 0]] = self._number

    def _partners(
        self, evens: Integers, count: int, temperature: float
    ) -> list[tuple[int, Integers, float]]:
        import numpy as np

        if count == 0:
            return []
        number = np.arange(count) % len(evens)
        scores = self._neighbours.scores[evens[number]]
        # The largest of score / temperature + Gumbel noise is a draw by softmax, among any of them.
        noisy = scores / temperature + self._rng.gumbel(size=scores.shape)
        ranked = np.argsort(-noisy, axis=1)
        drawn = []
        for place, ranks in zip(number, ranked, strict=True):
            others = self._neighbours.places[evens[place]][ranks]
            allowed = (others >= 0) & self._free[others]
            allowed &= (self._held[self._ids[others]] != self._number).all(axis=1)
            first = int(allowed.argmax())
            if allowed[first]:
                partner = others[first : first + 1]
                self._visit(partner)
                score = float(self._neighbours.scores[evens[place], ranks[first]])
                drawn.append((int(place), partner, score))
        return drawn
