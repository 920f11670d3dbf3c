"""Parquet tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polymodal_core.errors import PolymodalError

from polymodal_datasets.importers.jsonl_table import flattened
from polymodal_datasets.importers.tables import Record

if TYPE_CHECKING:
    from polymodal_core.rows import BadRow

_BATCH = 1024


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file; a record's place is its number, from 1."""

    path: Path
    name: str

    def columns(self, wanted: Collection[str] = ()) -> list[str]:
        """Name the columns, fields of structures as `outer.inner`."""
        return [name for field in self._open().schema_arrow for name in _leaves(field)]

    def records(self, wanted: Collection[str] | None = None) -> Iterator[Record | BadRow]:
        """Read the records, of top-level columns those alone that `wanted` needs."""
        import pyarrow

        file = self._open()
        names = [
            field.name
            for field in file.schema_arrow
            if wanted is None or any(name in wanted for name in _leaves(field))
        ]
        number = 0
        try:
            for batch in file.iter_batches(batch_size=_BATCH, columns=names or None):
                for row in batch.to_pylist():
                    number += 1
                    yield Record(f"{self.name}:{number}", flattened(row))
        except (pyarrow.ArrowException, OSError) as error:
            raise PolymodalError(f"{self.path}: damaged after row {number}: {error}") from None

    def count(self, wanted: Collection[str]) -> int | None:
        """Count the records; None where a column of `wanted` holds lists."""
        from pyarrow import types

        file = self._open()
        leaves = {name: kind for at in file.schema_arrow for name, kind in _leaves(at).items()}
        if any(types.is_nested(leaves[name]) for name in wanted if name in leaves):
            return None
        return int(file.metadata.num_rows)

    def _open(self) -> Any:
        import pyarrow
        import pyarrow.parquet

        try:
            return pyarrow.parquet.ParquetFile(self.path)
        except (pyarrow.ArrowException, OSError) as error:
            raise PolymodalError(f"{self.path} is no Parquet file: {error}") from None


def _leaves(field: Any, prefix: str = "") -> dict[str, Any]:
    from pyarrow import types

    if not types.is_struct(field.type):
        return {f"{prefix}{field.name}": field.type}
    inner = [field.type.field(place) for place in range(field.type.num_fields)]
    nested = [_leaves(item, f"{prefix}{field.name}.") for item in inner]
    return {name: kind for leaves in nested for name, kind in leaves.items()}
