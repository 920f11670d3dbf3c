"""Rows of LJ Speech: one per recording."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow, Column, Item, Row

from polymodal_datasets.importers.cells import BadCell, text_of
from polymodal_datasets.importers.ljspeech import LJSpeechConfig
from polymodal_datasets.importers.recordings import recording_named, share_of_names

_TABLE = "metadata.csv"


class LJSpeechImporter:
    """Reads the rows of LJ Speech, in the order of its table."""

    def __init__(self, config: LJSpeechConfig) -> None:
        """Read the table; raises PolymodalError where it or the recordings are missing."""
        inner = config.root / "LJSpeech-1.1"
        folder = inner if inner.is_dir() else config.root
        for name in (_TABLE, "wavs"):
            if not (folder / name).exists():
                raise PolymodalError(f"{folder} has no {name}; LJ Speech's own layout is expected")
        self.root: str | None = str(folder)
        self._wavs = folder / "wavs"
        self._printed = config.text == "printed"
        text = (folder / _TABLE).read_text(encoding="utf-8-sig", errors="surrogateescape")
        # No splitlines: a text may hold what Unicode takes for the end of a line.
        lines = [line.rstrip("\r") for line in text.split("\n")]
        self._lines = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
        ids = {line.partition("|")[0].strip() for _, line in self._lines}
        shares = {"test": config.test, "validation": config.validation}
        self._split_of = share_of_names(ids, shares, seed=config.seed)

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name."""
        return {"speech": Column("speech"), "text": Column("text")}

    @property
    def total(self) -> int:
        """Number of rows, bad ones included."""
        return len(self._lines)

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield a row per line of the table."""
        seen: set[str] = set()
        for number, line in self._lines:
            origin = f"{_TABLE}:{number}"
            try:
                yield self._row(line, origin, seen)
            except BadCell as error:
                yield BadRow(origin, error.message)

    def _row(self, line: str, origin: str, seen: set[str]) -> Row:
        # The texts hold quotation marks that mean nothing: this is no CSV.
        name, *texts = (cell.strip() for cell in line.split("|"))
        if len(texts) not in (1, 2):
            raise BadCell(f"'id|text|normalised text' is expected; given '{line[:60]}'")
        if name in seen:
            raise BadCell(f"the recording '{name}' is there already")
        text = text_of(texts[0] if self._printed else texts[-1])
        if text is None:
            raise BadCell(f"{name} has no text")
        path = recording_named(self._wavs, name)
        if path is None:
            raise BadCell(f"no recording {Path('wavs') / name}.wav, nor any other of that name")
        seen.add(name)
        found = f"wavs/{path.name}"
        items = {"speech": Item(found, found), "text": Item(name, text)}
        return Row(items, name, None, self._split_of[name], origin)
