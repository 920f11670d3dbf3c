"""The `nyuv2` importer: the labelled part of NYU Depth V2 in its original file, one row per frame.

`root` holds `nyu_depth_v2_labeled.mat` (extra `matlab`) and, for `split = "official"`,
`splits.mat`: the splits `train` (795 frames) and `test` (654). With `split = "drawn"`, shares
`validation` and `test` of the rooms (scenes such as kitchen_0003) are drawn by `seed`, so that no
room is in two splits.

Columns:

- `image`;
- `depth`, of the file in metres: `depth = "filled"` is its `depths`, `depth = "sensor"` its
  `rawDepths`, with holes;
- `text`: the names of the objects, the largest first, each once, that cover at least the share
  `smallest` of the frame, joined by ", ". A frame without any has no text, and is counted.

The label is the type of the scene ("living room"); `instance` is the frame's number, from 0.

Variables of the file that are absent leave out what they make: `images` with a depth, or with
`labels` and `names`, is enough.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from polymodal_datasets.importers.drawn_split import DrawnSplitConfig

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class NYUv2Config(DrawnSplitConfig):
    """NYU Depth V2 below `root`: pictures, depth, names of objects, types of scene."""

    kind: Literal["nyuv2"] = "nyuv2"
    root: Path
    depth: Literal["filled", "sensor"] = "filled"
    smallest: float = Field(default=0.01, ge=0, lt=1)

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where a part is missing or damaged."""
        from polymodal_datasets.importers.nyuv2_rows import NYUv2Importer

        return NYUv2Importer(self)
