"""The `coco` importer: captions of Microsoft COCO in its original layout, one row per caption.

Below `root` lie any of `annotations/captions_{train,val}{2014,2017}.json` and the folders of
pictures they speak of, `train2014/` and so on (or `images/train2014/`). One year is read: `year`
says which where there are both, since they hold the same captions.

With `split = "official"`, train is `train` and val is `validation`; the official test pictures
have no captions. With `split = "karpathy"`, the captions and the splits `train`, `validation` and
`test` are those of `dataset_coco.json` (Karpathy and Fei-Fei 2015; in `root`, `annotations/` or
`karpathy/`), and the annotation files need not be there; its pictures are found in the folders of
either year. `restval` says what becomes of its 30,504 pictures of the validation set that are for
training too: "train", as is customary, "restval", a split of their own, or "none", left out.

Columns: `image`, stored once however many captions it has, and `text`. `instance` is the
picture's number. With `label = "largest"`, the label is the category of the object that covers
most of the picture, crowds apart, by any `annotations/instances_*.json` (some GB of memory).

Pictures whose whole folder is absent are left out and counted; one that its folder lacks is a
single bad row and takes its captions with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from polymodal_core.config import ImporterConfig
from pydantic import model_validator

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class COCOConfig(ImporterConfig):
    """COCO captions below `root`: pictures, five captions each, official or Karpathy's splits."""

    kind: Literal["coco"] = "coco"
    root: Path
    year: Literal[2014, 2017] | None = None
    split: Literal["official", "karpathy"] = "official"
    restval: Literal["train", "restval", "none"] = "train"
    label: Literal["none", "largest"] = "none"

    @model_validator(mode="after")
    def _options_of_one_split(self) -> Self:
        if self.split == "official" and self.restval != "train":
            raise ValueError(f"restval = '{self.restval}' belongs to split = 'karpathy'")
        if self.split == "karpathy" and self.year is not None:
            raise ValueError(f"year = {self.year} belongs to split = 'official'; leave it out")
        return self

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where a part is missing or damaged."""
        from polymodal_datasets.importers.coco_rows import COCOImporter

        return COCOImporter(self)
