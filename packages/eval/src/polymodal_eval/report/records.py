"""queries.parquet: one line per query and measurement, what paired comparisons join on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polymodal_eval.results import Measurement, TaskResult


def write_queries(path: Path, results: Sequence[TaskResult]) -> int:
    """Write the queries of every measurement and give their number.

    Columns: measurement (its number in report.json), task, split, query_column, gallery_column,
    metric (what `score` is of), item, id, instance, cluster, score, rank, hits, num_relevant,
    average_precision, labels, predicted, pixels (class, told
    rightly, taken for it, of it; of each class in a picture), candidates.
    """
    import pyarrow as pa
    from pyarrow import parquet

    schema = _schema(pa)
    written = 0
    numbers = count()
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for result in results:
            for item, number in zip(result.measurements, numbers, strict=False):
                if item.queries is not None:
                    columns = _columns(pa, number, result, item)
                    table = pa.Table.from_pydict(columns, schema=schema)
                    writer.write_table(table)
                    written += len(table)
    return written


def _schema(pa: Any) -> Any:
    names = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            ("measurement", pa.int32()),
            ("task", names),
            ("split", names),
            ("query_column", names),
            ("gallery_column", names),
            ("metric", names),
            ("item", pa.int64()),
            ("id", pa.string()),
            ("instance", pa.int64()),
            ("cluster", pa.int64()),
            ("score", pa.float64()),
            ("rank", pa.int64()),
            ("hits", pa.int64()),
            ("num_relevant", pa.int64()),
            ("average_precision", pa.float64()),
            ("labels", pa.list_(pa.int64())),
            ("predicted", pa.int64()),
            ("pixels", pa.list_(pa.int64())),
            ("candidates", pa.int64()),
        ]
    )


def _columns(pa: Any, number: int, result: TaskResult, item: Measurement) -> dict[str, Any]:
    queries = item.queries
    assert queries is not None
    size = len(queries.item)

    def repeated(name: str) -> Any:
        return pa.DictionaryArray.from_arrays(pa.array([0] * size, pa.int32()), pa.array([name]))

    def numbers(values: Any) -> Any:
        return [None] * size if values is None else values

    return {
        "measurement": [number] * size,
        "task": repeated(result.task),
        "split": repeated(result.split),
        "query_column": repeated(item.query),
        "gallery_column": repeated(item.gallery),
        "metric": repeated(item.headline),
        "item": queries.item,
        "id": list(queries.id),
        "instance": queries.instance,
        "cluster": queries.cluster,
        "score": queries.score,
        "rank": numbers(queries.rank),
        "hits": numbers(queries.hits),
        "num_relevant": numbers(queries.num_relevant),
        "average_precision": numbers(queries.average_precision),
        "labels": numbers(queries.labels),
        "predicted": numbers(queries.predicted),
        "pixels": numbers(queries.pixels),
        "candidates": [item.num_candidates] * size,
    }
