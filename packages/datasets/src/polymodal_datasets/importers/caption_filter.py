"""Which captions of the web are worth training on."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ADDRESS = re.compile(
    r"https?://|\bwww\.|\S@\S+\.\w|\b[\w-]+\.(?:com|org|net|co\.uk|jpe?g|png|gif)\b", re.IGNORECASE
)
_MARKUP = re.compile(r"</?[a-z][^<>]*>|&(?:[a-z]{2,8}|#\d+);", re.IGNORECASE)

SHORT = "captions that are too short"
NOISY = "captions that are noisy"


@dataclass(frozen=True)
class CaptionFilter:
    """Leaves out short and noisy captions (cmla, section V, which does not say what they are).

    `max_symbols` is the largest share, of all characters but white space, of what is no letter.
    """

    min_words: int = 3
    max_symbols: float = 0.3
    addresses: bool = False

    def fault(self, caption: str) -> str | None:
        """Say why a caption is left out, None where it is not; words hold a letter or digit."""
        words = [word for word in caption.split() if any(map(str.isalnum, word))]
        if len(words) < self.min_words:
            return SHORT
        if not self.addresses and (_ADDRESS.search(caption) or _MARKUP.search(caption)):
            return NOISY
        visible = [letter for letter in caption if not letter.isspace()]
        symbols = sum(not letter.isalpha() for letter in visible)
        return NOISY if symbols > self.max_symbols * len(visible) else None
