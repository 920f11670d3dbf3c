"""The rooms world as an importer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from polymodal_core.config import ImporterConfig
from polymodal_core.rows import BadRow, Column, Item, Row
from pydantic import Field, field_validator, model_validator

if TYPE_CHECKING:
    import numpy as np

    from polymodal_datasets.rooms.world import Rooms
    from polymodal_datasets.synthesis.synthesiser import Spoken

    Array = np.ndarray[Any, np.dtype[Any]]

COLUMNS: Mapping[str, Column] = {
    "image": Column("image"),
    "text": Column("text"),
    "depth": Column("depth", {"unit": "mm"}),
    "attributes": Column("attributes"),
    "prototypes": Column("prototypes", of_classes=True),
    "speech": Column("speech"),
}

SHIFTED = "shifted"
"""The split of test rooms in another domain."""

ColumnName = Literal["image", "text", "depth", "attributes", "prototypes", "speech"]
Count = Annotated[int, Field(ge=0)]


class RoomsConfig(ImporterConfig):
    """Rendered rooms with captions, depth, attributes and class prototypes; nothing is read.

    `size` is that of pictures and depth maps in pixels; `train`, `validation`, `test` and
    `heldout` count rooms, the last of classes that occur in no other split. The first `shifted`
    rooms of `test` are in a split of that name again, in other light and shades. `captions` are
    sentences per room, each a row of its own. `missing` is the share of every column that is left
    out at random; a row keeps one column at least. Prototypes are means of the attribute vectors
    of all rooms of a class, held-out classes included (pcmc-pcmr, section 4). The first
    `recordings` captions of every room are spoken, in voices drawn from the seed: one where the
    column `speech` is named without a number. That needs the extra `speech` of this distribution.
    """

    kind: Literal["rooms"] = "rooms"
    seed: Annotated[int, Field(ge=0)] = 0
    size: Annotated[int, Field(ge=8, le=1024)] = 64
    train: Count = 4000
    validation: Count = 400
    test: Count = 500
    heldout: Count = 400
    shifted: Count = 0
    captions: Annotated[int, Field(ge=1, le=10)] = 3
    recordings: Count = 0
    missing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    columns: tuple[ColumnName, ...] = ("image", "text", "depth", "attributes", "prototypes")
    threads: Annotated[int, Field(ge=1)] | None = None

    @field_validator("columns")
    @classmethod
    def _each_once(cls, columns: tuple[ColumnName, ...]) -> tuple[ColumnName, ...]:
        if len(columns) == 0 or len(set(columns)) < len(columns):
            raise ValueError(f"columns must name one or more of {', '.join(COLUMNS)}, each once")
        return columns

    @model_validator(mode="after")
    def _enough_to_shift(self) -> Self:
        if self.shifted > self.test:
            raise ValueError(
                f"shifted = {self.shifted}: these are rooms of the {self.test} of test; set test "
                f"to as many"
            )
        return self

    @model_validator(mode="after")
    def _enough_to_say(self) -> Self:
        if self.recordings > self.captions:
            raise ValueError(
                f"recordings = {self.recordings}: a room has {self.captions} captions to be "
                f"spoken; set captions to as many"
            )
        return self

    def build(self) -> RoomsImporter:
        """Build the importer; raises PolymodalError where captions cannot be spoken."""
        spoken = ("speech",) if self.recordings > 0 else ()
        columns = tuple(dict.fromkeys((*self.columns, *spoken)))
        recordings = max(1, self.recordings) if "speech" in columns else 0
        if recordings > 0:
            from polymodal_datasets.synthesis.synthesiser import require_synthesis

            require_synthesis()
        return RoomsImporter(
            seed=self.seed,
            size=self.size,
            counts={
                "train": self.train,
                "validation": self.validation,
                "test": self.test,
                "heldout": self.heldout,
                SHIFTED: self.shifted,
            },
            captions=self.captions if "text" in columns else recordings,
            recordings=recordings,
            missing=self.missing,
            columns=columns,
            threads=self.threads,
        )


class RoomsImporter:
    """Yields a row per caption, or per room where there are no captions, split after split.

    A recording stands in the row of the caption that it speaks, and in no other.
    """

    root: str | None = None

    def __init__(
        self,
        *,
        seed: int,
        size: int,
        counts: Mapping[str, int],
        captions: int,
        recordings: int,
        missing: float,
        columns: tuple[str, ...],
        threads: int | None,
    ) -> None:
        """Take the fields of RoomsConfig; `counts` are rooms per split.

        `captions` are those made, be they written, spoken or both; the first `recordings` of a
        room are spoken.
        """
        self._seed, self._size, self._counts = seed, size, dict(counts)
        self._captions, self._recordings, self._missing = captions, recordings, missing
        self._columns, self._threads = columns, threads

    @property
    def columns(self) -> Mapping[str, Column]:
        """The columns asked for."""
        return {name: COLUMNS[name] for name in self._columns}

    @property
    def total(self) -> int:
        """Number of rows."""
        return sum(self._counts.values()) * max(1, self._captions)

    def rows(self) -> Iterator[Row | BadRow]:
        """Render room by room."""
        from polymodal_datasets.rooms.splits import split_indices
        from polymodal_datasets.rooms.world import rooms

        indices = split_indices(self._counts)
        prototypes = self._prototypes(indices) if "prototypes" in self._columns else {}
        shifted = indices["test"][: self._counts.get(SHIFTED, 0)]
        if len(shifted):
            indices = {**indices, SHIFTED: shifted}
        for split, members in indices.items():
            chunks = rooms(
                members,
                seed=self._seed,
                size=self._size,
                captions=self._captions,
                rendered="image" in self._columns or "depth" in self._columns,
                threads=self._threads,
                shifted=split == SHIFTED,
            )
            for chunk, number, recordings in self._spoken(chunks):
                yield from self._rows_of(chunk, number, split, prototypes, recordings)

    def _spoken(self, chunks: Iterable[Rooms]) -> Iterator[tuple[Rooms, int, list[Spoken]]]:
        if self._recordings == 0:
            for chunk in chunks:
                for number in range(len(chunk.scenes)):
                    yield chunk, number, []
            return
        from polymodal_datasets.rooms.speech import spoken_rooms
        from polymodal_datasets.synthesis.synthesiser import Synthesiser

        with Synthesiser(workers=self._threads) as synthesiser:
            yield from spoken_rooms(chunks, synthesiser, seed=self._seed, count=self._recordings)

    def _prototypes(self, indices: Mapping[str, Array]) -> dict[int, Array]:
        import numpy as np

        from polymodal_datasets.rooms.attributes import prototypes
        from polymodal_datasets.rooms.world import rooms

        everything = np.concatenate(list(indices.values()))
        chunks = list(rooms(everything, seed=self._seed, captions=0, rendered=False, chunk=256))
        if not chunks:
            return {}
        return prototypes(
            np.concatenate([chunk.attributes for chunk in chunks]),
            np.concatenate([chunk.scenes.label for chunk in chunks]),
        )

    def _rows_of(
        self,
        chunk: Rooms,
        number: int,
        split: str,
        prototypes: Mapping[int, Array],
        recordings: list[Spoken],
    ) -> Iterator[Row]:
        from polymodal_datasets.rooms.classes import CLASS_NAMES

        index, label = int(chunk.scenes.index[number]), int(chunk.scenes.label[number])
        name = f"room/{index:06d}" + ("/dusk" if split == SHIFTED else "")
        items = self._items(chunk, number, name)
        if "prototypes" in self._columns:
            items["prototypes"] = Item(f"class/{label:02d}", prototypes[label])
        keep = self._kept(index)
        for caption in range(max(1, self._captions)):
            whole = dict(items)
            if "text" in self._columns:
                whole["text"] = Item(f"{name}#{caption}", chunk.captions[number][caption])
            if caption < len(recordings):
                whole["speech"] = Item(f"{name}#{caption}", recordings[caption])
            yield Row(
                items={column: whole[column] for column in keep[caption]},
                instance=name,
                label=CLASS_NAMES[label],
                split=split,
                origin=f"{name}#{caption}" if self._captions > 0 else name,
            )

    def _items(self, chunk: Rooms, number: int, name: str) -> dict[str, Item]:
        import numpy as np

        items = {}
        if chunk.images is not None and "image" in self._columns:
            items["image"] = Item(name, chunk.images[number])
        if chunk.depth is not None and "depth" in self._columns:
            millimetres = np.round(chunk.depth[number] * 1000).astype(np.uint16)
            items["depth"] = Item(name, millimetres)
        if "attributes" in self._columns:
            items["attributes"] = Item(name, chunk.attributes[number])
        return items

    def _kept(self, index: int) -> list[list[str]]:
        # Columns that remain in each row of a room; captions, written and spoken, are lost row by
        # row, all else room by room.
        rows = max(1, self._captions)
        had = [
            [name for name in self._columns if name != "speech" or row < self._recordings]
            for row in range(rows)
        ]
        if self._missing == 0:
            return had
        import numpy as np

        # The 1 keeps these draws apart from those of the room itself.
        draws = np.random.default_rng((self._seed, index, 1)).random(len(COLUMNS) + 2 * rows)
        of_room = dict(zip(COLUMNS, draws[rows : rows + len(COLUMNS)].tolist(), strict=True))
        kept = []
        for row in range(rows):
            own = {"text": float(draws[row]), "speech": float(draws[row - rows])}
            luck = {name: own.get(name, of_room[name]) for name in had[row]}
            present = [name for name in had[row] if luck[name] >= self._missing]
            kept.append(present or [max(luck, key=lambda name: luck[name])])
        return kept
