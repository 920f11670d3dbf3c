"""Easy data augmentation (EDA, Wei and Zou 2019): four ways to change a few words of a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polymodal_text.corruptions import drop_words

if TYPE_CHECKING:
    import numpy as np

Words = list[str]
Synonyms = Mapping[str, Sequence[str]]
PUNCTUATION = ".,;:!?\"'()[]"


@dataclass(frozen=True)
class EDA:
    """Applies one of its `operations` to a text, drawn evenly, with probability `probability`.

    It changes `alpha` of the words, one at least (Wei and Zou 2019, section 2: n = alpha * words);
    deletion leaves out each word with probability `alpha`, all but one. `synonyms` are by word in
    lower case; a text without a word that has any is left as it is by replacement and insertion.
    """

    alpha: float
    probability: float
    operations: tuple[str, ...]
    synonyms: Synonyms = field(repr=False)

    def __call__(self, text: str, own: np.random.Generator) -> str:
        """Give the changed text; it never loses its last word."""
        if own.random() >= self.probability:
            return text
        operation = self.operations[own.integers(len(self.operations))]
        if operation == "delete":
            return drop_words(text, self.alpha, own)
        words = text.split()
        count = max(1, int(self.alpha * len(words)))
        return " ".join(_OPERATIONS[operation](words, count, self.synonyms, own))


def replace(words: Words, count: int, synonyms: Synonyms, rng: np.random.Generator) -> Words:
    """Replace up to `count` different words by a random synonym of each (SR)."""
    changed = list(words)
    places = [place for place, word in enumerate(words) if _bare(word) in synonyms]
    for place in rng.permutation(len(places))[:count]:
        index = places[place]
        changed[index] = _dressed_as(words[index], _synonym(words[index], synonyms, rng))
    return changed


def insert(words: Words, count: int, synonyms: Synonyms, rng: np.random.Generator) -> Words:
    """Insert `count` times a synonym of a random word of the text at a random place (RI)."""
    changed = list(words)
    known = [word for word in words if _bare(word) in synonyms]
    for _ in range(count if known else 0):
        word = _synonym(known[rng.integers(len(known))], synonyms, rng)
        changed.insert(int(rng.integers(len(changed) + 1)), word)
    return changed


def swap(words: Words, count: int, synonyms: Synonyms, rng: np.random.Generator) -> Words:
    """Swap two random words, `count` times (RS)."""
    changed = list(words)
    for _ in range(count if len(words) > 1 else 0):
        one, two = rng.choice(len(changed), 2, replace=False)
        changed[one], changed[two] = changed[two], changed[one]
    return changed


_OPERATIONS: Mapping[str, Callable[[Words, int, Synonyms, np.random.Generator], Words]] = {
    "replace": replace,
    "insert": insert,
    "swap": swap,
}


def _bare(word: str) -> str:
    return word.strip(PUNCTUATION).lower()


def _synonym(word: str, synonyms: Synonyms, rng: np.random.Generator) -> str:
    choices = synonyms[_bare(word)]
    return choices[int(rng.integers(len(choices)))]


def _dressed_as(word: str, synonym: str) -> str:
    # Keeps a capital letter and the punctuation around the word.
    core = word.strip(PUNCTUATION)
    before, _, after = word.partition(core)
    return f"{before}{synonym.capitalize() if core[0].isupper() else synonym}{after}"
