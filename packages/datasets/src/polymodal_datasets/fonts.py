"""Fonts for pictures of rows: one that has the letters of a text, if there is one here."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageFont

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Pillow's own font has the letters of English alone. These are looked for in the system's folders,
# wide coverage first, then scripts that need a font of their own.
NAMES = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "Arial Unicode.ttf",
    "LiberationSans-Regular.ttf",
    "Arial.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-zenhei.ttc",
    "NotoSansArabic-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
)
NO_LETTER = "\U0010fffe"


def font_for(text: str, size: int) -> Font:
    """Give the first font that has every letter of a text; failing that, the one with the most."""
    letters = {letter for letter in text if letter.isprintable() and not letter.isspace()}
    best, fewest = None, len(letters) + 1
    for font in _fonts(size):
        lacking = sum(not _has(font, letter) for letter in letters)
        if lacking < fewest:
            best, fewest = font, lacking
        if lacking == 0:
            break
    assert best is not None
    return best


@cache
def _fonts(size: int) -> tuple[Font, ...]:
    from PIL import ImageFont

    found: list[Font] = [ImageFont.load_default(size)]
    for name in (*_in_matplotlib(), *NAMES):
        try:
            found.append(ImageFont.truetype(name, size))
        except OSError:
            continue
    return tuple(found)


def _in_matplotlib() -> Iterator[str]:
    # It brings a font of many scripts, where the system may have none.
    installed = find_spec("matplotlib")
    if installed is not None and installed.origin is not None:
        yield str(Path(installed.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf")


@cache
def _has(font: Font, letter: str) -> bool:
    return _drawn(font, letter) != _drawn(font, NO_LETTER)


@cache
def _drawn(font: Font, letter: str) -> bytes:
    return bytes(font.getmask(letter))
