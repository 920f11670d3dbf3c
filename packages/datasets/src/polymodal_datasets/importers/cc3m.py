"""The `cc3m` importer: Conceptual Captions, one row per picture with its caption.

`root` holds either shards in the WebDataset format, `*.tar` with `{key}.jpg` and `{key}.txt` or
`{key}.json` (its `caption`), as img2dataset writes them, or tables beside folders of pictures:

- `*.tsv` of caption and address, as the data set is published, with the pictures below `training/`
  or `validation/`, called `{line}_{crc}` or `{crc}`, by the CRC-32 of the address and the number of
  the line from 0, with or without `.jpg`;
- or any `*.tsv` of caption and path below `root`; a first line that names the columns
  (`caption` or `title`, and `filepath`, `image` or `url`) is no row.

A shard or table whose name or folder holds "val" is the split `validation`, all others `train`.

What is not worth training on is left out and counted by its reason (cmla, section V): a picture
with a side below `min_side` pixels, a caption of fewer than `min_words` words, a noisy caption,
which holds an address, markup, or more than the share `max_symbols` of characters that are neither
letters nor spaces. A caption or picture that is missing or broken is a bad row. `min_side = 0`,
`min_words = 1`, `max_symbols = 1` and `addresses = true` keep all.

Columns: `image` and `text`. `instance` is the picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polymodal_core.config import ImporterConfig
from pydantic import Field

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class CC3MConfig(ImporterConfig):
    """Conceptual Captions below `root`: WebDataset shards, or tables and folders of pictures.

    `min_side` is in pixels; `max_symbols` the largest share of characters that are neither letters
    nor spaces; `addresses` keeps captions with addresses or markup in them.
    """

    kind: Literal["cc3m"] = "cc3m"
    root: Path
    min_side: int = Field(default=200, ge=0)
    min_words: int = Field(default=3, ge=1)
    max_symbols: float = Field(default=0.3, ge=0, le=1)
    addresses: bool = False

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where there is neither shard nor table."""
        from polymodal_datasets.importers.cc3m_rows import CC3MImporter

        return CC3MImporter(self)
