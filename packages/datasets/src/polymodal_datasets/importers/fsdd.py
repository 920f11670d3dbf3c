"""The `fsdd` importer: spoken digits of a few speakers, one row per recording.

`root` holds `recordings/{digit}_{speaker}_{index}.wav` (Free Spoken Digit Dataset), or is that
folder.

Columns: `speech`, and `word` (kind text), whose items, zero to nine, stand for classes. `label` is
the word, `instance` the recording.

Splits. All recordings of the speakers named in `unseen` are the split `unseen`. Of each other
speaker and digit, the first `test` recordings by index are `test`, the next `validation` are
`validation`, the rest is `train`: with the defaults and the full data set, `test` is the official
one (indices 0 to 4).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polymodal_core.config import ImporterConfig
from pydantic import Field

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class FSDDConfig(ImporterConfig):
    """The Free Spoken Digit Dataset below `root`, with speakers apart where they are `unseen`."""

    kind: Literal["fsdd"] = "fsdd"
    root: Path
    unseen: tuple[str, ...] = ()
    test: int = Field(default=5, ge=0)
    validation: int = Field(default=5, ge=0)

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where there is nothing to train on."""
        from polymodal_datasets.importers.fsdd_rows import FSDDImporter

        return FSDDImporter(
            self.root, unseen=self.unseen, test=self.test, validation=self.validation
        )
