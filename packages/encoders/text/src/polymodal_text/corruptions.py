"""Ways in which text is damaged: `severity` in 0..1 is the share of letters or words affected."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def typos(text: str, severity: float, rng: np.random.Generator) -> str:
    """Mistype letters: replaced, left out, doubled, or swapped with the next one."""
    damaged: list[str] = []
    hit = rng.random(len(text)) < severity
    slips = rng.integers(4, size=len(text))
    wrong = rng.integers(len(LETTERS), size=len(text))
    for index, letter in enumerate(text):
        if not hit[index] or letter.isspace():
            damaged.append(letter)
        elif slips[index] == 0:
            damaged.append(LETTERS[wrong[index]])
        elif slips[index] == 1:
            damaged.append(letter * 2)
        elif slips[index] == 2 and damaged:
            damaged.insert(len(damaged) - 1, letter)
        # the fourth slip leaves the letter out
    return "".join(damaged) if "".join(damaged).strip() else text


def drop_words(text: str, severity: float, rng: np.random.Generator) -> str:
    """Leave out words; one at least remains."""
    words = text.split()
    kept = rng.random(len(words)) >= severity
    if kept.all():
        return text
    if not kept.any():
        kept[rng.integers(len(words))] = True
    return " ".join(word for word, keep in zip(words, kept, strict=True) if keep)


def swap_words(text: str, severity: float, rng: np.random.Generator) -> str:
    """Swap words with their right neighbours, each pair at most once."""
    words = text.split()
    hit = rng.random(max(len(words) - 1, 0)) < severity
    if not hit.any():
        return text
    index = 0
    while index < len(hit):
        if hit[index]:
            words[index], words[index + 1] = words[index + 1], words[index]
            index += 1  # not back again
        index += 1
    return " ".join(words)
