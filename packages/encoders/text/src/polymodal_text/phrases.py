"""Noun phrases of a caption, found without a tagger, and swapped."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.resources import files
from itertools import combinations
from typing import TYPE_CHECKING

from polymodal_text.eda import PUNCTUATION

if TYPE_CHECKING:
    import numpy as np

WORDS = "phrase_words.txt"


@dataclass(frozen=True)
class PhraseShuffling:
    """Swaps two noun phrases of a text, with probability `probability`.

    "A big red cube stands near a ball." becomes "A ball stands near a big red cube.": what stays
    are the words between the phrases, punctuation, and the capital of a sentence. It serves the
    noun-phrase shuffling of trimodal-fusion, section 4.1, which says no more of it. No tagger is
    run. What counts as a noun phrase is a maximal run of words without punctuation inside and
    without a function word (`phrase_words.txt`: prepositions, conjunctions, pronouns, relative
    places, common verbs of captions; words in -ing but for some nouns), and a determiner or a
    number begins a new one. So a verb that the lists lack is taken for a noun, and they are
    English: text of other languages stays as it is unless punctuation divides it.
    """

    probability: float

    def __call__(self, text: str, own: np.random.Generator) -> str:
        """Give the changed text; one with fewer than two different phrases is left as it is."""
        return swap_phrases(text, own) if own.random() < self.probability else text


def swap_phrases(text: str, own: np.random.Generator) -> str:
    """Let two different noun phrases of a text, drawn evenly, change places."""
    words = text.split()
    places = noun_phrases(words)
    phrases = [_bare(words, place) for place in places]
    pairs = [pair for pair in combinations(range(len(places)), 2) if _differ(phrases, pair)]
    if not pairs:
        return text
    one, other = pairs[own.integers(len(pairs))]
    changed = list(words)
    # From the right, so that the places on the left stay true.
    changed[places[other]] = _placed(words, places[other], phrases[one])
    changed[places[one]] = _placed(words, places[one], phrases[other])
    return " ".join(changed)


def noun_phrases(words: list[str]) -> list[slice]:
    """Find what counts as noun phrases (`PhraseShuffling`) in the words of a text."""
    kinds = [_kind(word.strip(PUNCTUATION).lower()) for word in words]
    found: list[slice] = []
    start = 0
    for index in range(len(words) + 1):
        ended = index == len(words)
        between = ended or kinds[index] == "function"
        if between or (index > 0 and _divided(words, kinds, index)):
            if "noun" in kinds[start:index]:
                found.append(slice(start, index))
            start = index + between
    return found


def _divided(words: list[str], kinds: list[str], index: int) -> bool:
    # Whether a phrase may begin in front of a word though no function word stands there.
    determined = kinds[index] == "determiner" and kinds[index - 1] != "determiner"
    return determined or words[index][0] in PUNCTUATION or words[index - 1][-1] in PUNCTUATION


def _differ(phrases: list[tuple[str, ...]], pair: tuple[int, int]) -> bool:
    return phrases[pair[0]] != phrases[pair[1]]


def _kind(word: str) -> str:
    if not word:
        return "function"
    listed = _words().get(word)
    gerund = len(word) > len("being") and word.endswith("ing")
    return listed or ("function" if gerund else "noun")


@functools.cache
def _words() -> dict[str, str]:
    lines = (files("polymodal_text") / WORDS).read_text("utf-8").splitlines()
    named = [line.partition(": ") for line in lines if line and not line.startswith("#")]
    return {word: kind for kind, _, words in named for word in words.split()}


def _bare(words: list[str], place: slice) -> tuple[str, ...]:
    # Without the punctuation around it and without the capital of its sentence.
    first, *others = " ".join(words[place]).strip(PUNCTUATION).split()
    if _begins_sentence(words, place) and first[1:] == first[1:].lower():
        first = first[0].lower() + first[1:]
    return (first, *others)


def _placed(words: list[str], place: slice, phrase: tuple[str, ...]) -> list[str]:
    old = " ".join(words[place])
    core = old.strip(PUNCTUATION)
    before, _, after = old.partition(core)
    new = " ".join(phrase)
    if _begins_sentence(words, place) and core[0].isupper():
        new = new[0].upper() + new[1:]
    return f"{before}{new}{after}".split()


def _begins_sentence(words: list[str], place: slice) -> bool:
    return place.start == 0 or words[place.start - 1][-1] in ".!?"
