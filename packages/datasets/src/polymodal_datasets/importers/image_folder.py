"""The `image_folder` importer: pictures in a folder per class, one row per picture.

With `split = "official"` the folders of `root` are splits and theirs are classes,
`{train,test}/{class}/*.jpg`; a split `val` or `valid` is called `validation`. With
`split = "drawn"` the folders of `root` are classes, and shares `validation` and `test` of each
class are drawn by `seed`. Pictures may lie deeper below their class.

Columns: `image`, and `word` (kind text), an item per class: its name by `template`, underscores
read as spaces. The label is the class as the folder is called, `instance` the picture's path. Files
that are no pictures are left out and counted.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import field_validator

from polymodal_datasets.importers.drawn_split import DrawnSplitConfig

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class ImageFolderConfig(DrawnSplitConfig):
    """Pictures below `root` in a folder per class, and the folders of classes in one per split.

    `template` makes the text of a class of its name, as in "a photo of a {}.".
    """

    kind: Literal["image_folder"] = "image_folder"
    root: Path
    template: str = "{}"

    @field_validator("template")
    @classmethod
    def _holds_the_class(cls, template: str) -> str:
        rest = template.replace("{}", "")
        if rest == template or "{" in rest or "}" in rest:
            raise ValueError("must hold {} where the name of the class goes, and no other brace")
        return template

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where there is no picture in a class."""
        from polymodal_datasets.importers.image_folder_rows import ImageFolderImporter

        return ImageFolderImporter(self)
