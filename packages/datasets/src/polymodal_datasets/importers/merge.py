"""The `merge` importer: several stores packed into one, their rows one after another.

Items are copied byte for byte. Columns of one name are one column, and must be of one kind, packed
with the same options; a store that lacks a column has rows without it. Ids of items and names of
instances get the name of their store in front, the last part of its path, so that nothing of two
stores is ever taken for one. So do labels, with `labels = "apart"`; with `labels = "shared"` a
class of one name is one class, and so are the items of columns that stand for classes, whose values
must then agree.

Splits keep their names, or are renamed: `splits = { dev = "validation" }` for all stores, or
`splits = { "coco/validation" = "train" }` for one; "" leaves a split out. The same picture in two
stores is two pictures: keep a store out of training whose test pictures are in another.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from polymodal_core.config import ImporterConfig
from pydantic import Field

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class MergeConfig(ImporterConfig):
    """Rows of several `stores` in one; ids, instances and labels of each kept apart.

    `splits` renames splits, of all stores or of one (`store/split`); "" leaves one out.
    """

    kind: Literal["merge"] = "merge"
    stores: Annotated[tuple[Path, ...], Field(min_length=1)]
    labels: Literal["apart", "shared"] = "apart"
    splits: dict[str, str] = Field(default_factory=dict)

    def build(self) -> Importer:
        """Build the importer; raises StoreError where a store is missing or does not fit."""
        from polymodal_datasets.importers.merge_rows import MergeImporter

        return MergeImporter(self)
