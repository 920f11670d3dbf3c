"""The `flickr8k` importer: Flickr8k in its original layout, one row per caption.

Below `root` lie `Flicker8k_Dataset/*.jpg` (the original spelling) and, in `Flickr8k_text/` or
beside it, `Flickr8k.token.txt` and any of the split lists `Flickr_8k.trainImages.txt`,
`Flickr_8k.devImages.txt`, `Flickr_8k.testImages.txt`: the splits `train`, `dev` and `test`.

Columns: `image`, stored once however many captions it has, and `text`. A caption's id is the
file's own (`1000268201_693b08cb0e.jpg#0`); `instance` is the picture's name. Pictures in no list
are left out and counted; one without a file is a single bad row and takes its captions with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polymodal_core.config import ImporterConfig

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class Flickr8kConfig(ImporterConfig):
    """Flickr8k below `root`: pictures, five captions each, any of the three split lists."""

    kind: Literal["flickr8k"] = "flickr8k"
    root: Path

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where a part is missing."""
        from polymodal_datasets.importers.flickr8k_rows import Flickr8kImporter

        return Flickr8kImporter(self.root)
