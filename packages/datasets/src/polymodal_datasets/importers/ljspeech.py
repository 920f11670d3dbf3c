"""The `ljspeech` importer: LJ Speech in its original layout, one row per recording.

`root` holds `LJSpeech-1.1/` or is it: `metadata.csv` with lines `id|text|normalised text`, and
`wavs/{id}.wav` (FLAC and OGG too).

Columns: `speech` and `text`. `instance` is the recording's id. The data set has one reader and no
splits: shares `validation` and `test` of the recordings are drawn by `seed`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from polymodal_core.config import ImporterConfig
from pydantic import Field, model_validator

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class LJSpeechConfig(ImporterConfig):
    """LJ Speech below `root`: recordings of one reader, with what is read.

    `text` is the normalised one, numbers and abbreviations in words, or the one as printed.
    """

    kind: Literal["ljspeech"] = "ljspeech"
    root: Path
    text: Literal["normalised", "printed"] = "normalised"
    validation: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.1, ge=0, lt=1)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _leaves_some_to_train(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError(
                f"validation {self.validation} and test {self.test} leave nothing to train on"
            )
        return self

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where a part is missing."""
        from polymodal_datasets.importers.ljspeech_rows import LJSpeechImporter

        return LJSpeechImporter(self)
