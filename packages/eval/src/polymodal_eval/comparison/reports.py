"""Reading what an evaluation wrote: report.json and queries.parquet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from polymodal_core.errors import PolymodalError

from polymodal_eval.pixel_counts import PixelCounts, unpack_counts
from polymodal_eval.report.document import SCHEMA
from polymodal_eval.report.files import JSON, QUERIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Queries:
    """The queries of one measurement, in arrays [queries], as queries.parquet holds them.

    `rank`, `hits`, `num_relevant` and `average_precision` are None where the task ranked nothing,
    `labels` where it classified nothing, `predicted` where the task does not say,
    `pixels` where it segmented nothing.
    """

    id: tuple[str, ...]
    instance: Integers
    cluster: Integers
    score: Floats
    rank: Integers | None
    hits: Integers | None
    num_relevant: Integers | None
    average_precision: Floats | None
    labels: tuple[tuple[int, ...], ...] | None
    predicted: Integers | None = None
    pixels: PixelCounts | None = None

    def __len__(self) -> int:
        """Number of queries."""
        return len(self.id)


@dataclass(frozen=True)
class Line:
    """A measurement of a report: `content` as in report.json, with its task and split."""

    task: str
    split: str
    content: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Task, query and gallery: `retrieval image → text`."""
        return f"{self.task} {self.content['query']} → {self.content['gallery']}"

    @property
    def key(self) -> tuple[str, str, str]:
        """What two reports' measurements have to have in common to be compared at all."""
        return self.task, self.content["query"], self.content["gallery"]


@dataclass(frozen=True)
class Report:
    """An evaluated run's report, read from `folder`."""

    folder: Path
    content: Mapping[str, Any]
    table: Any = field(repr=False)

    @property
    def fingerprint(self) -> str | None:
        """Checksum of the store that was evaluated."""
        found = self.content["store"].get("fingerprint")
        return None if found is None else str(found)

    @cached_property
    def lines(self) -> list[Line]:
        """All measurements, in their order."""
        return [
            Line(task["task"], task["split"], item)
            for task in self.content["tasks"]
            for item in task["measurements"]
        ]

    @cached_property
    def _bounds(self) -> dict[int, tuple[int, int]]:
        numbers = self.table["measurement"].to_numpy()
        found, starts = np.unique(numbers, return_index=True)
        ends = np.append(starts[1:], len(numbers))
        bounds = zip(starts.tolist(), ends.tolist(), strict=True)
        return dict(zip(found.tolist(), bounds, strict=True))

    def queries(self, line: Line) -> Queries | None:
        """Give the queries of a measurement; None where its task keeps none.

        Raises PolymodalError where their number is not the one in report.json.
        """
        if line.content["number"] not in self._bounds:
            return None
        start, end = self._bounds[line.content["number"]]
        part = self.table.slice(start, end - start)
        if len(part) != line.content["num_queries"]:
            raise PolymodalError(
                f"{self.folder}: {QUERIES} has {len(part)} queries of {line.name}, {JSON} counts "
                f"{line.content['num_queries']}: they are not of one evaluation; evaluate again"
            )
        return _queries(part)


def read_report(folder: Path) -> Report:
    """Read a report; raises PolymodalError where there is none, or a damaged or older one."""
    from pyarrow import ArrowException, parquet

    again = f"run `polymodal-evaluate run {folder}` first"
    missing = [name for name in (JSON, QUERIES) if not (folder / name).is_file()]
    if missing:
        raise PolymodalError(f"{folder}: no report here ({' and '.join(missing)} missing); {again}")
    try:
        content = json.loads((folder / JSON).read_text(encoding="utf-8"))
        schema = content.get("schema") if isinstance(content, dict) else None
        table = parquet.read_table(folder / QUERIES)
    except (ValueError, ArrowException) as error:
        first = str(error).splitlines()[0]
        raise PolymodalError(f"{folder}: damaged report ({first}); {again}") from None
    if schema != SCHEMA or "measurement" not in table.column_names:
        raise PolymodalError(
            f"{folder}: a report of schema {schema}; this version compares schema {SCHEMA}: {again}"
        )
    return Report(folder, content, table)


def _queries(table: Any) -> Queries:
    def numbers(name: str) -> Any:
        if name not in table.column_names:  # a report of before there was such a column
            return None
        column = table[name]
        return None if column.null_count else column.to_numpy()

    labels = table["labels"]
    return Queries(
        id=tuple(table["id"].to_pylist()),
        instance=numbers("instance"),
        cluster=numbers("cluster"),
        score=numbers("score"),
        rank=numbers("rank"),
        hits=numbers("hits"),
        num_relevant=numbers("num_relevant"),
        average_precision=numbers("average_precision"),
        labels=None if labels.null_count else tuple(map(tuple, labels.to_pylist())),
        predicted=numbers("predicted"),
        pixels=_pixels(table),
    )


def _pixels(table: Any) -> PixelCounts | None:
    if "pixels" not in table.column_names or table["pixels"].null_count:
        return None
    return unpack_counts(table["pixels"].to_pylist())
