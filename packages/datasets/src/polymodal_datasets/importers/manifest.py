"""The `manifest` importer: any CSV, TSV, JSONL or Parquet table, described by a mapping.

A mapping is a TOML file, or the same keys given by `--set`. Text in braces stands for the cell of
that column of the table; text without braces stands for itself::

    table = "index.csv"               # relative to the root
    split = "{official_split}"        # or "train" for all rows; left out: "train"
    instance = "{image}"              # left out: every table row is an instance of its own
    label = "{scene_type}"            # left out: unknown

    [columns.image]                   # a column of the store; `kind` defaults to its name
    path = "nyu_images/{image}.jpg"

    [columns.depth]
    path = "nyu_depths/{image}.png"
    options.unit = "255=10m"          # packing options of the kind, recorded in the store

    [columns.text]
    value = "{objects}"
    separator = ";"                   # the cell holds several values:
    several = "join"                  # one text joined by `joiner`, or "rows": a row for each

`{frame:06d}` pads a number with zeros, `{{` is a brace. An empty cell is a missing value, and so
is every template that uses it. Where the values of several columns of one table row become rows,
the first goes with the first, the second with the second; a column with one value is in each.

Without `columns`, the table's own header is the mapping: columns named as an installed kind
(`image`) or `name:kind` (`front:image`) are taken, and `split`, `instance`, `label`.

Vectors: `vector = "{attr_*}"` (cells side by side, `*` and `?` are wild), `vector = "{numbers}"`
(one cell with several numbers), or `path = "vectors/{id}.npy"`; with `entry = "{row}"` a row of
one matrix file, or an array of one `.npz`.

A second table, whose columns are then called `imu.acceleration`::

    [[joins]]
    table = "imu.csv"
    on = "{time}"                     # in the main table
    to = "{stamp}"                    # in the joined table; left out: as `on`
    tolerance = 0.02                  # the nearest number or ISO time within this; left out: equal

    [splits]                          # rename what the cells of `split` say
    train = ["training", "extra"]

    [deal]                            # cut splits out of one (`dealt_splits.Deal`)
    split = "labelled"
    test = 0.3

An item's id is its path below the root, for a value from a cell `table.csv:12#text`, or what `id`
says; a column `of_classes` is stored once per label.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from polymodal_core.config import Configuration, ImporterConfig
from pydantic import Field, field_validator

from polymodal_datasets.importers.dealt_splits import Deal

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class TableFile(Configuration):
    """A file of records.

    `format` is told by the suffix (.csv, .tsv, .jsonl, .parquet) where left out. Of CSV alone:
    `delimiter`, `quote` (empty: quotes mean nothing), and `header`, the names of the columns of a
    file whose first line is a record. `missing` lists texts that stand for an empty cell.
    """

    file: str = ""
    format: Literal["csv", "tsv", "jsonl", "parquet"] | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1)
    header: tuple[str, ...] | None = None
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ()


def _as_file(given: Any) -> Any:
    return {"file": given} if isinstance(given, str) else given


class Join(Configuration):
    """A second table, matched to each row of the main one by key or by the nearest number.

    `name` prefixes its columns and defaults to the file's name without suffix. `by` is a key that
    must be equal besides (a sequence, where time starts anew in each).
    """

    table: TableFile
    on: str
    to: str | None = None
    by: str | None = None
    tolerance: float | None = Field(default=None, ge=0)
    name: str | None = None

    _file = field_validator("table", mode="before")(_as_file)


class ColumnMapping(Configuration):
    """Where the values of one column of the store come from: `path`, `value` or `vector`.

    With none of them, the table's column of the same name is taken: as text for the kind `text`,
    as numbers for `attributes` and `prototypes`, else as a path. `read` says what becomes of the
    file at `path`: its `path` goes to the modality, its UTF-8 `text`, or its `vector` (.npy, .npz).
    `of_classes` is as the kind is (prototypes are), unless said; with `average` such a column holds
    the mean of the vectors of all rows of a class.
    """

    kind: str | None = None
    path: str | None = None
    value: str | None = None
    vector: str | None = None
    read: Literal["path", "text", "vector"] | None = None
    entry: str | None = None
    separator: str | None = Field(default=None, min_length=1)
    several: Literal["rows", "join"] = "rows"
    joiner: str = ", "
    id: str | None = None
    of_classes: bool | None = None
    average: bool = False
    options: dict[str, Any] = Field(default_factory=dict)


class ManifestConfig(ImporterConfig):
    """A table of records below `root`, as `mapping` (a path, or a shipped name) describes it."""

    kind: Literal["manifest"] = "manifest"
    root: Path
    mapping: str | None = None
    table: TableFile | None = None
    split: str | None = None
    splits: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    instance: str | None = None
    label: str | None = None
    columns: dict[str, ColumnMapping] = Field(default_factory=dict)
    joins: tuple[Join, ...] = ()
    deal: Deal | None = None

    _file = field_validator("table", mode="before")(_as_file)

    def build(self) -> Importer:
        """Build the importer; raises RecipeError with every problem of the mapping."""
        from polymodal_datasets.importers.manifest_rows import ManifestImporter
        from polymodal_datasets.importers.mapping import complete_mapping

        return ManifestImporter(*complete_mapping(self))
