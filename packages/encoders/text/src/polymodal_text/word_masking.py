"""Words that a model does not get to see in training."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from polymodal_text.tokenizer import TextTokenizer

WORD = re.compile(r"\w+(?:['’-]\w+)*")


def mask_words(
    text: str, loaded: TextTokenizer, probability: float, own: np.random.Generator
) -> list[int]:
    """Give the token ids of a text, with `loaded.mask` for every token of words that are masked.

    Each word is masked with probability `probability`, though never all of them; spaces and
    punctuation stay. The order and number of tokens are those of the whole text, so that a model
    sees where something is missing, as it does not where words are left out.
    """
    ids, spans = loaded.ids(text), loaded.spans(text)
    words = [match.span() for match in WORD.finditer(text)]
    masked = own.random(len(words)) < probability
    if not masked.any():
        return ids
    if masked.all():
        masked[own.integers(len(words))] = False
    hidden = [word for word, hit in zip(words, masked, strict=True) if hit]
    return [
        loaded.mask if any(_overlap(span, word) for word in hidden) else token
        for token, span in zip(ids, spans, strict=True)
    ]


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return max(one[0], other[0]) < min(one[1], other[1])
