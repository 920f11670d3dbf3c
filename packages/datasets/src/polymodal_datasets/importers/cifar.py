"""The `cifar10` and `cifar100` importers: the original batches of pickled arrays.

`root` holds `data_batch_1` to `data_batch_5`, `test_batch` and `batches.meta` (or the folder
`cifar-10-batches-py/` with them), or `train`, `test` and `meta` of CIFAR-100 (or
`cifar-100-python/`); any of the batches will do. A pickle can run code when it is loaded: these are
read by an unpickler that knows plain data and arrays of bytes, and refuses everything else.

Columns: `image`, 32 x 32 pixels, and `word` (kind text), the name of the class, an item per class.
The label is the class; `instance` is the batch and the place in it. Splits are `train` and `test`.
The same pictures as files, `{train,test}/{class}/*.png`, are for the importer `image_folder`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polymodal_core.config import ImporterConfig

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class CIFAR10Config(ImporterConfig):
    """CIFAR-10 below `root`: 60,000 small pictures of ten classes, in the original batches."""

    kind: Literal["cifar10"] = "cifar10"
    root: Path

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where a file is missing or not what it is."""
        from polymodal_datasets.importers.cifar_rows import CIFARImporter, cifar10_layout

        return CIFARImporter(self.root, cifar10_layout())


class CIFAR100Config(ImporterConfig):
    """CIFAR-100 below `root`: 60,000 small pictures of 100 classes, in the original batches.

    `labels` are the 100 `fine` classes, or the 20 `coarse` ones that they belong to.
    """

    kind: Literal["cifar100"] = "cifar100"
    root: Path
    labels: Literal["fine", "coarse"] = "fine"

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where a file is missing or not what it is."""
        from polymodal_datasets.importers.cifar_rows import CIFARImporter, cifar100_layout

        return CIFARImporter(self.root, cifar100_layout(self.labels))
