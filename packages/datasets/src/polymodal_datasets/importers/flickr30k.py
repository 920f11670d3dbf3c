"""The `flickr30k` importer: Flickr30k in its original layouts, one row per caption.

Below `root` lie the pictures, `flickr30k-images/*.jpg` (or `flickr30k_images/`, one inside the
other too, or `images/`), and the captions, the first of these that is there, in `root` or in the
folder of the pictures:

- `results_20130124.token`: lines `name.jpg#0<tab>caption`;
- `results.csv`: lines `name.jpg| 0| caption` under a line of titles. The copy that most people
  have lacks the second `|` in its line 20000, which is a bad row;
- `dataset_flickr30k.json` itself.

Splits: `split = "karpathy"` takes `train`, `validation` and `test` from `dataset_flickr30k.json`
(Karpathy and Fei-Fei 2015; in `root`, `annotations/` or `karpathy/`); pictures that it does not
name are left out and counted. The data set has no splits of its own: with `split = "none"` all is
`train`, for a recipe that cuts it.

Columns: `image`, stored once however many captions it has, and `text`. A caption's id is
`name.jpg#0`; `instance` is the picture's name. A picture without a file is a single bad row and
takes its captions with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polymodal_core.config import ImporterConfig

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class Flickr30kConfig(ImporterConfig):
    """Flickr30k below `root`: pictures, five captions each, Karpathy's splits."""

    kind: Literal["flickr30k"] = "flickr30k"
    root: Path
    split: Literal["karpathy", "none"] = "karpathy"

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where a part is missing."""
        from polymodal_datasets.importers.flickr30k_rows import Flickr30kImporter

        return Flickr30kImporter(self)
