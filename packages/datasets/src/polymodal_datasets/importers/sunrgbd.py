"""The `sunrgbd` importer: SUN RGB-D in its original tree, one row per scene.

`root` holds `SUNRGBD/` or is it: any of `kv1/`, `kv2/`, `realsense/`, `xtion/`. A scene is a
folder with `image/*.jpg`, at any depth below them, and beside it any of

- `depth_bfx/*.png`, with holes filled, and `depth/*.png`, as the sensor gave it: column `depth`.
  `depth` says which; the other one stands in where a scene lacks it, and is counted. 16 bits that
  are rotated by three, millimetres once they are turned back;
- `scene.txt`: the label ("dining area"); "idk" is none;
- `annotation2Dfinal/index.json`, else `annotation/index.json`: column `text`, the names of the
  objects, each once, joined by ", ". A scene without objects has no text, and is counted.

Splits: `split = "official"` takes `train` and `test` from `allsplit.mat` (in `root`, in
`SUNRGBDtoolbox/traintestSUNRGBD/` of it or beside it; extra `matlab`); scenes that it does not
name are left out and counted. With `split = "drawn"`, shares `validation` and `test` of the scenes
are drawn by `seed`, all frames of one video (`xtion/sun3ddata/`) together.

`instance` is the scene's path. A picture and a depth map of different sizes are a bad row.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polymodal_datasets.importers.drawn_split import DrawnSplitConfig

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class SUNRGBDConfig(DrawnSplitConfig):
    """SUN RGB-D below `root`: pictures, depth, names of objects, types of scene."""

    kind: Literal["sunrgbd"] = "sunrgbd"
    root: Path
    depth: Literal["filled", "sensor"] = "filled"

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where a part is missing."""
        from polymodal_datasets.importers.sunrgbd_rows import SUNRGBDImporter

        return SUNRGBDImporter(self)
