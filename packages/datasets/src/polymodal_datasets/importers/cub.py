"""The `cub` importer: CUB-200-2011 in its original layout, whatever part of it is present.

`root` holds `CUB_200_2011/` or is it; `metadata_root`, optional, is a second such tree for what
the first one lacks. Files of either tree that are used, none of which is required by itself:

- `images.txt`, `images/NNN.Class_name/*.jpg`: the pictures, listed or found; column `image`.
  Of two trees with pictures or a list, `root`'s counts.
- `image_class_labels.txt`, else the number of a picture's folder: its class.
- `classes.txt`, else the name of the folder: the label, as "Black footed Albatross".
- `attributes/image_attribute_labels.txt`: column `attributes`, a vector per picture: 1 where an
  attribute is present, times a weight by how certain the annotator was (`certainty`, for 1 to 4:
  not visible, guessing, probably, definitely).
- `attributes/class_attribute_labels_continuous.txt`, row = class number, percentages: column
  `prototypes`, divided by 100. Without it, the mean of all of a class's `attributes`.
- `text_c10/NNN.Class_name/<picture>.txt` (captions by Reed et al.), one per line: column `text`;
  then there is one row per caption, else one per picture.
- `train_test_split.txt`: used by `split = "official"` alone.

Files by picture number count only beside an `images.txt`, and are matched by picture path: the
numbers of two trees need not agree. `instance` is the picture. Bounding boxes are not read.

Splits. `split = "classes"` holds classes out of training: `unseen` is a share of the classes that
have pictures (drawn by `seed`), a list of class numbers, a range "151-200" (with the full set the
usual 150/50), or a file of class numbers or names. Their pictures are `test`; the others' are
`train`, save a share `test_seen` of each class's pictures, the split `test_seen`.
`split = "official"` gives `train` and `test` as the data set does, every class in both.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polymodal_core.config import ImporterConfig
from pydantic import Field

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class CUBConfig(ImporterConfig):
    """CUB-200-2011 below `root`, with what else lies below `metadata_root`."""

    kind: Literal["cub"] = "cub"
    root: Path
    metadata_root: Path | None = None
    split: Literal["classes", "official"] = "classes"
    unseen: float | str | tuple[int, ...] = 0.25
    test_seen: float = Field(default=0.0, ge=0.0, lt=1.0)
    seed: int = Field(default=0, ge=0)
    certainty: tuple[float, float, float, float] = (0.0, 1 / 3, 2 / 3, 1.0)

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where nothing can be paired."""
        from polymodal_datasets.importers.cub_rows import CUBImporter

        return CUBImporter(self)
