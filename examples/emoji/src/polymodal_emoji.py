"""An importer for emoji: a picture and its names in several languages, one column each.

Reads the PNG folder of noto-emoji (`png/72/emoji_u<codepoints>.png`) and the annotations of CLDR
(`annotations/<language>/annotations.json`). Every emoji is its own instance; a fixed fifth of them,
chosen by a checksum of the codepoints, is the split `test`.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from polymodal_core import BadRow, Column, ImporterConfig, Item, PolymodalError, Row, hookimpl

SIZE = "72"


class EmojiConfig(ImporterConfig):
    """Emoji with names in `languages`; with `keywords`, CLDR's keywords follow the name."""

    kind: Literal["emoji"] = "emoji"
    root: Path
    languages: tuple[str, ...] = ("en", "de", "fr", "es")
    keywords: bool = False

    def build(self) -> EmojiImporter:
        """Open the tree; raises PolymodalError where a part of it is missing."""
        return EmojiImporter(self.root, self.languages, keywords=self.keywords)


class EmojiImporter:
    """Rows of one picture and one name per language."""

    def __init__(self, root: Path, languages: Sequence[str], *, keywords: bool) -> None:
        """List the pictures and read the annotations below `root`."""
        self.root: str | None = str(root)
        self.keywords = keywords
        self.pictures = sorted((root / "png" / SIZE).glob("emoji_u*.png"))
        if not self.pictures:
            raise PolymodalError(
                f"{root}: no pictures; expected png/{SIZE}/emoji_u<codepoints>.png"
            )
        self.names = {language: _annotations(root, language) for language in languages}

    @property
    def columns(self) -> dict[str, Column]:
        """The picture, and one text column per language."""
        return {"image": Column("image")} | {f"name_{item}": Column("text") for item in self.names}

    @property
    def total(self) -> int:
        """Number of pictures."""
        return len(self.pictures)

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield one row per picture; a language without this emoji is a missing value."""
        for picture in self.pictures:
            codes = picture.stem.removeprefix("emoji_u")
            emoji = "".join(chr(int(code, 16)) for code in codes.split("_"))
            items = {"image": Item(picture.name, f"png/{SIZE}/{picture.name}")}
            for language, entries in self.names.items():
                entry = entries.get(emoji)
                if entry is not None:
                    words = entry["tts"] + (entry["default"] if self.keywords else [])
                    items[f"name_{language}"] = Item(f"{codes}/{language}", ", ".join(words))
            split = "test" if zlib.crc32(codes.encode()) % 5 == 0 else "train"
            yield Row(items, instance=codes, split=split, origin=picture.name)


def _annotations(root: Path, language: str) -> dict[str, Any]:
    path = root / "annotations" / language / "annotations.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["annotations"]["annotations"]
    except FileNotFoundError:
        known = ", ".join(sorted(item.name for item in (root / "annotations").glob("*")))
        raise PolymodalError(f"{path}: no such file; languages found: {known or 'none'}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise PolymodalError(f"{path}: not CLDR annotations ({error!r})") from None
    return {key: entry for key, entry in entries.items() if "tts" in entry}


@hookimpl
def register_importers() -> Sequence[type[ImporterConfig]]:
    """Add the importer."""
    return (EmojiConfig,)
