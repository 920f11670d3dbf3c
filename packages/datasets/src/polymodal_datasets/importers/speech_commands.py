"""The `speech_commands` importer: folders of recordings named by the word that they say.

Below `root` lies a folder per word with `{speaker}_nohash_{n}.wav` (FLAC and OGG too), as Speech
Commands (Warden 2018) has them. Folders whose names start with `_`, background noise among them,
are left out.

Columns: `speech`, and `word` (kind text), whose items stand for classes. `label` is the word,
`instance` the recording.

Splits. `split = "official"` takes `validation_list.txt` and `testing_list.txt` where they are
present, and else the hash of the speaker that they were made by: `train`, `validation`, `test`.
`split = "speakers"` draws shares `validation` and `test` of the speakers by `seed`, for a part of
the data whose official split is of no use. No speaker is ever in two splits.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from polymodal_core.config import ImporterConfig
from pydantic import Field, model_validator

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class SpeechCommandsConfig(ImporterConfig):
    """Speech Commands below `root`: a folder per word, recordings named by their speakers.

    `words` keeps some of the folders.
    """

    kind: Literal["speech_commands"] = "speech_commands"
    root: Path
    words: tuple[str, ...] | None = None
    split: Literal["official", "speakers"] = "official"
    validation: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.1, ge=0, lt=1)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _leaves_some_to_train(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError(
                f"validation {self.validation} and test {self.test} leave nobody to train on"
            )
        return self

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where there is nothing to train on."""
        from polymodal_datasets.importers.speech_commands_rows import SpeechCommandsImporter

        return SpeechCommandsImporter(self)
