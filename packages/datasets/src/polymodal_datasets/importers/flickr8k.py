"""The `flickr8k` importer: Flickr8k in its original layout, one row per caption.

Below `root` lie `Flicker8k_Dataset/*.jpg` (the original spelling) and, in `Flickr8k_text/` or
beside it, `Flickr8k.token.txt` and any of the split lists `Flickr_8k.trainImages.txt`,
`Flickr_8k.devImages.txt`, `Flickr_8k.testImages.txt`: the splits `train`, `dev` and `test`.

Columns: `image`, stored once however many captions it has, and `text`. A caption's id is the
file's own (`1000268201_693b08cb0e.jpg#0`); `instance` is the picture's name. Pictures in no list
are left out and counted; one without a file is a single bad row and takes its captions with it.

With `audio_root`, the Flickr8k Audio Caption Corpus (Harwath and Glass 2015) is joined by picture
and number of the caption: `wav2capt.txt` (`name.wav picture.jpg #0`), `wav2spk.txt` (`name.wav
speaker`) and `wavs/`; column `speech`. With `synthesise`, espeak-ng says the captions instead, each
in a voice drawn by `seed`: of every picture the first `recordings`. A caption without a recording
is a row without speech, and counted.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from polymodal_core.config import ImporterConfig
from pydantic import Field, model_validator

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class Flickr8kConfig(ImporterConfig):
    """Flickr8k below `root`: pictures, five captions each, any of the three split lists.

    Spoken captions come from `audio_root`, or are synthesised (extra `speech`).
    """

    kind: Literal["flickr8k"] = "flickr8k"
    root: Path
    audio_root: Path | None = None
    synthesise: bool = False
    recordings: int = Field(default=5, ge=1)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _one_source_of_speech(self) -> Self:
        if self.audio_root is not None and self.synthesise:
            raise ValueError("audio_root and synthesise are both set; give one source of speech")
        if not self.synthesise and (self.recordings, self.seed) != (5, 0):
            raise ValueError("recordings and seed belong to synthesise = true")
        return self

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where a part is missing."""
        from polymodal_datasets.importers import flickr8k_speech as speech
        from polymodal_datasets.importers.flickr8k_rows import Flickr8kImporter

        if self.audio_root is not None:
            return Flickr8kImporter(self.root, speech=speech.RecordedCaptions(self.audio_root))
        if self.synthesise:
            spoken = speech.SynthesisedCaptions(seed=self.seed, count=self.recordings)
            return Flickr8kImporter(self.root, speech=spoken)
        return Flickr8kImporter(self.root)
