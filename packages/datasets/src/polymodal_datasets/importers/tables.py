"""Tables of records: what the manifest importer reads its rows from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from polymodal_core.errors import PolymodalError, suggest
from polymodal_core.rows import BadRow

from polymodal_datasets.importers.manifest import TableFile

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}


@dataclass(frozen=True)
class Record:
    """One record: the place it stands at (`captions.csv:12`) and its cells by column."""

    origin: str
    cells: Mapping[str, Any]


class Table(Protocol):
    """A file of records; opened anew by every call."""

    @property
    def name(self) -> str:
        """Path relative to the root, for messages."""
        ...

    def columns(self, wanted: Collection[str] = ()) -> list[str]:
        """Name the table's columns; where records differ, look until all `wanted` are found."""
        ...

    def records(self, wanted: Collection[str] | None = None) -> Iterator[Record | BadRow]:
        """Read the records in order; only cells of `wanted` are needed."""
        ...

    def count(self, wanted: Collection[str]) -> int | None:
        """Count the records; None where that is dear, or where cells of `wanted` may be lists."""
        ...


def open_table(file: TableFile, root: Path) -> Table:
    """Open a table below `root` by its format; raises PolymodalError with what would be accepted.

    The file itself is read for its header alone.
    """
    if not file.file:
        raise PolymodalError("no file is named")
    path = root / file.file
    if not path.is_file():
        near = sorted(item.name for item in _tables_in(path.parent))
        raise PolymodalError(
            f"no such table: {path}{suggest(path.name, near)}"
            if near
            else f"no such table: {path}; the folder holds no CSV, TSV, JSONL or Parquet file"
        )
    kind = file.format if file.format is not None else SUFFIXES.get(path.suffix.lower())
    name = file.file if not Path(file.file).is_absolute() else path.name
    if kind in ("csv", "tsv"):
        from polymodal_datasets.importers.csv_table import CsvTable

        default = "\t" if kind == "tsv" else ","
        return CsvTable(path, name, file, file.delimiter or default)
    if kind == "jsonl":
        from polymodal_datasets.importers.jsonl_table import JsonlTable

        return JsonlTable(path, name, file.encoding)
    if kind == "parquet":
        from polymodal_datasets.importers.parquet_table import ParquetTable

        return ParquetTable(path, name)
    raise PolymodalError(
        f"{path}: the suffix '{path.suffix}' says no format; give table.format = csv, tsv, jsonl "
        f"or parquet"
    )


def tables_below(root: Path) -> list[str]:
    """Name the files directly in `root` that look like tables."""
    return sorted(path.name for path in _tables_in(root))


def _tables_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
