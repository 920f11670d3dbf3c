"""The `mnist_fsdd` importer: written and spoken digits, paired by class alone.

`mnist` holds MNIST's idx files (`train-images-idx3-ubyte.gz` and the other three, compressed or
not), `fsdd` the recordings of the Free Spoken Digit Dataset. No pairing of the two exists: a row is
any picture with any recording of the same digit, as drawn by `seed`. Each picture stands in
`pairs` rows; the recordings of a class are used equally often.

Columns: `image`, `speech`, `word` (kind text: "zero" to "nine") and `prototypes` (the mean of all
training pictures of a digit, 14 x 14 = 196 numbers in 0..1); the items of the latter two stand for
classes. `label` is the word. `instance` is unknown: nothing but the class joins a row, so that
relevance is by `label`.

Splits. `validation` of MNIST's training pictures, drawn by `seed`, are `validation`, the others
`train`; its test pictures are `test` and again `unseen`. Recordings of the speakers named in
`unseen` occur in the split `unseen` alone; of the others' recordings, `train`, `validation` and
`test` have each their own, as the `fsdd` importer parts them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polymodal_core.config import ImporterConfig
from pydantic import Field

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class MnistFsddConfig(ImporterConfig):
    """MNIST's pictures and FSDD's recordings of digits, paired by class alone.

    `unseen` are speakers kept out of training; `pairs` the rows of each picture.
    """

    kind: Literal["mnist_fsdd"] = "mnist_fsdd"
    mnist: Path
    fsdd: Path
    unseen: tuple[str, ...] = ("theo", "yweweler")
    pairs: int = Field(default=1, ge=1)
    validation: float = Field(default=0.1, gt=0, lt=1)
    seed: int = Field(default=0, ge=0)

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where a part is missing."""
        from polymodal_datasets.importers.mnist_fsdd_rows import MnistFsddImporter

        return MnistFsddImporter(self)
