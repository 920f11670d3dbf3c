"""Attention drawn: light on the cells of a picture, colour behind words, bars for other tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from polymodal_eval.report.charts import percent
from polymodal_eval.report.pictures import data_uri

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from polymodal_core.geometry import Crop

    Floats = NDArray[np.float64]

SIDE = 180
STRIP = 26


def picture_map(picture: NDArray[np.uint8] | None, cells: Floats, window: Crop) -> Markup:
    """Shade what the cells [height, width] of a picture's `window` look at least.

    The most looked-at cell is clear, a cell that nothing looks at nearly black. Without a picture
    the cells stand alone.
    """
    tall, wide = (1, 1) if picture is None else picture.shape[:2]
    width, height = SIDE * wide / max(tall, wide), SIDE * tall / max(tall, wide)
    parts = [f'<rect class="blank" width="{width:.1f}" height="{height:.1f}"/>']
    if picture is not None:
        source = data_uri(picture, largest=2 * SIDE)
        place = f'width="{width:.1f}" height="{height:.1f}" preserveAspectRatio="none"'
        parts.append(f'<image href="{source}" {place}/>')
    left, top, right, bottom = window.box(round(width), round(height))
    across, down = (right - left) / cells.shape[1], (bottom - top) / cells.shape[0]
    top_share = float(cells.max()) or 1.0
    for (row, column), share in ((place, float(cells[place])) for place in _places(cells)):
        x = right - (column + 1) * across if window.flip else left + column * across
        veil = 0.86 * (1 - share / top_share)
        parts.append(
            f'<rect class="veil" x="{x:.1f}" y="{top + row * down:.1f}" width="{across:.2f}" '
            f'height="{down:.2f}" fill-opacity="{veil:.2f}"><title>{percent(share)}</title></rect>'
        )
    return Markup(
        '<svg class="looked" viewBox="0 0 {:.1f} {:.1f}" role="img" '
        'aria-label="attention over a picture">{}</svg>'
    ).format(width, height, Markup("".join(parts)))


def strip(tokens: Floats) -> Markup:
    """Draw the shares of tokens [length] as bars, in their order."""
    step = SIDE / max(1, len(tokens))
    top_share = float(tokens.max(initial=0.0)) or 1.0
    bars = []
    for number, share in enumerate(tokens.tolist()):
        height = STRIP * share / top_share
        bars.append(
            f'<rect class="bar" x="{number * step:.2f}" y="{STRIP - height:.1f}" '
            f'width="{max(0.6, 0.86 * step):.2f}" height="{height:.1f}">'
            f"<title>{percent(share)}</title></rect>"
        )
    return Markup(
        '<svg class="looked strip" viewBox="0 0 {} {}" role="img" '
        'aria-label="attention over tokens in their order">{}</svg>'
    ).format(SIDE, STRIP, Markup("".join(bars)))


@dataclass
class Word:
    """A word of a text, and the share of its tokens.

    `strength` is the share relative to the word looked at most; a word behind the last token was
    not `read`.
    """

    text: str
    start: int
    end: int
    share: float = 0.0
    strength: float = 0.0
    read: bool = True


def words(text: str, spans: Sequence[tuple[int, int]], tokens: Floats) -> tuple[list[Word], float]:
    """Give the words of a text with the shares of their tokens, and what stands for no word.

    A token counts for the word that its first letter is in.
    """
    found = [Word(match.group(), *match.span()) for match in re.finditer(r"\S+", text)]
    rest = 0.0
    last = max((end for _, end in spans), default=0)
    for (start, end), share in zip(spans, tokens.tolist(), strict=True):
        piece = text[start:end]
        begin = start + len(piece) - len(piece.lstrip())
        home = next((word for word in found if word.start <= begin < word.end), None)
        if not piece.strip() or home is None:
            rest += share
        else:
            home.share += share
    most = max((word.share for word in found), default=0.0) or 1.0
    for word in found:
        word.strength, word.read = word.share / most, word.start < last
    return found, rest


def _places(cells: Floats) -> list[tuple[int, int]]:
    return [(row, column) for row in range(cells.shape[0]) for column in range(cells.shape[1])]
