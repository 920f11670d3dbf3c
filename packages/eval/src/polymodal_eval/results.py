"""What a task hands to the report: measured lines, what was skipped, and single queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from polymodal_core.errors import PolymodalError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from polymodal_eval.statistics import Estimate

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]


class NotApplicable(PolymodalError):
    """A task has nothing to measure here; the message says why.

    Where the recipe names the task this is the user's mistake; a task that runs by default is
    skipped, and the report says so.
    """


@dataclass(frozen=True)
class QueryRecords:
    """One entry per query behind a measurement, in arrays [queries]: what comparisons join on.

    `item` is the number in the store, `id` the item's id, `instance` its smallest instance or -1,
    `score` the query's value of the headline metric. Of a query that combines columns, `item` is
    the first column's and `id` joins all. `cluster` numbers what bootstraps draw whole. `rank`
    (1 = best), `hits` among the first `num_relevant`, and `average_precision` are None where the
    task ranks nothing; `labels` are the classes that a query is an example of, None where the task
    does not classify, and `predicted` the class that it was taken for, where the task says.
    `pixels` are those of each class in a picture that was segmented (`pixel_counts.pack_counts`).
    """

    item: Integers
    id: tuple[str, ...]
    instance: Integers
    cluster: Integers
    score: Floats
    rank: Integers | None = None
    hits: Integers | None = None
    num_relevant: Integers | None = None
    average_precision: Floats | None = None
    labels: tuple[Integers, ...] | None = None
    predicted: Integers | None = None
    pixels: tuple[Integers, ...] | None = None


@dataclass(frozen=True)
class Gain:
    """What a combination gains over one column alone in the same queries' headline metric.

    `query` and `gallery` are the columns of the base, `value` is its metric, `difference` the
    combination's less the base's, paired query by query.
    """

    query: str
    gallery: str
    value: float
    difference: Estimate


@dataclass(frozen=True)
class Measurement:
    """One line of a task: a pair of columns, a column, a column against classes.

    `headline` names the one of `estimates` to show first. `num_queries` is what they rest on,
    `num_left_out` the queries without a right answer, `num_candidates` the gallery's size.
    `query_columns` and `gallery_columns` are the columns whose embeddings either side is made of,
    `gains` what a combination of them gains over its single columns. `protocol` and `details` are
    plain data for report.json.
    """

    query: str
    gallery: str
    headline: str
    estimates: Mapping[str, Estimate]
    num_queries: int
    num_left_out: int = 0
    num_candidates: int = 0
    protocol: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    queries: QueryRecords | None = None
    query_columns: tuple[str, ...] = ()
    gallery_columns: tuple[str, ...] = ()
    gains: tuple[Gain, ...] = ()

    @property
    def name(self) -> str:
        """Both sides: `image → text`."""
        return f"{self.query} → {self.gallery}"

    @property
    def smallest_gain(self) -> Gain | None:
        """The gain over the best of a combination's single columns."""
        return min(self.gains, key=lambda gain: gain.difference.value, default=None)


def verdict(measurement: Measurement) -> str:
    """Say whether a combination beats the best of its single columns: better, worse or neither."""
    gain = measurement.smallest_gain
    if gain is None or not gain.difference.distinguishable:
        return ""
    return "better" if gain.difference.value > 0 else "worse"


@dataclass(frozen=True)
class Skipped:
    """Something that was not measured, and why."""

    what: str
    reason: str


@dataclass(frozen=True)
class TaskResult:
    """All that a task measured on a split."""

    task: str
    split: str
    measurements: tuple[Measurement, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    seconds: float = 0.0


def collect(task: str, split: str, found: Sequence[Measurement | Skipped]) -> TaskResult:
    """Sort what a task found; raises NotApplicable, with the reasons, where it measured nothing."""
    measured = tuple(item for item in found if isinstance(item, Measurement))
    skipped = tuple(item for item in found if isinstance(item, Skipped))
    if not measured:
        reasons = "; ".join(dict.fromkeys(item.reason for item in skipped))
        raise NotApplicable(reasons or f"split '{split}' has no columns to measure")
    return TaskResult(task, split, measured, skipped)
