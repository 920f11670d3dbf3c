"""CSV and TSV tables, with line numbers that stay right across quoted newlines."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow

from polymodal_datasets.importers.manifest import TableFile
from polymodal_datasets.importers.tables import Record


@dataclass(frozen=True)
class CsvTable:
    """A delimited text file; a record's place is the line on which it starts."""

    path: Path
    name: str
    file: TableFile
    delimiter: str

    def columns(self, wanted: Collection[str] = ()) -> list[str]:
        """Name the columns of the header; raises PolymodalError where it is empty or repeats."""
        return [name for name in self._header() if name]

    def records(self, wanted: Collection[str] | None = None) -> Iterator[Record | BadRow]:
        """Read the records; a line with too many or too few fields is a bad row."""
        header = self._header()
        with self._reader() as reader:
            if self.file.header is None:
                next(line for line in reader if line)
            while True:
                # The reader counts the lines it has used: a quoted newline uses two for one record.
                origin = f"{self.name}:{reader.line_num + 1}"
                try:
                    fields = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield BadRow(origin, _explained(error))
                    continue
                if not fields:
                    continue
                if len(fields) != len(header):
                    yield BadRow(
                        origin,
                        f"{len(fields)} fields where the header has {len(header)}; a value that "
                        f"holds {self.delimiter!r} must stand in quotes",
                    )
                    continue
                cells = zip(header, fields, strict=True)
                yield Record(origin, {name: cell for name, cell in cells if name})

    def count(self, wanted: Collection[str]) -> int:
        """Count the records, bad ones included, by reading the file once."""
        return sum(1 for _ in self.records())

    def _header(self) -> list[str]:
        if self.file.header is not None:
            names = list(self.file.header)
        else:
            with self._reader() as reader:
                try:
                    names = next((line for line in reader if line), [])
                except csv.Error as error:
                    raise PolymodalError(f"{self.path}:1: {_explained(error)}") from None
        names = [name.strip() for name in names]
        if not any(names):
            raise PolymodalError(f"{self.path} is empty; its first line must name the columns")
        twice = sorted({name for name in names if name and names.count(name) > 1})
        if twice:
            raise PolymodalError(
                f"{self.path}:1: the header names a column twice: {', '.join(twice)}"
            )
        return names

    @contextmanager
    def _reader(self) -> Iterator[Any]:
        # utf-8-sig drops the byte order mark that spreadsheets write.
        plain = self.file.encoding.lower().replace("_", "-") in ("utf-8", "utf8")
        encoding = "utf-8-sig" if plain else self.file.encoding
        try:
            with self.path.open(encoding=encoding, errors="surrogateescape", newline="") as stream:
                yield csv.reader(
                    stream,
                    delimiter=self.delimiter,
                    quotechar=self.file.quote or None,
                    quoting=csv.QUOTE_MINIMAL if self.file.quote else csv.QUOTE_NONE,
                    strict=True,
                )
        except (LookupError, UnicodeError) as error:
            raise PolymodalError(
                f"{self.path} cannot be read as '{self.file.encoding}': {error}"
            ) from None


def _explained(error: csv.Error) -> str:
    if "unexpected end of data" in str(error):
        return "a quote is opened here and never closed; the rest of the file is lost"
    return f"{error}; a quote within a quoted value is written twice"
