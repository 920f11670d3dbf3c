"""The form in which answers to visual questions are compared."""

from __future__ import annotations

import re
from functools import lru_cache

MARKS = ';/[]"{}()=+\\_-><@`,?!'
PERIOD = re.compile(r"\.(?!\d)")
THOUSANDS = re.compile(r"\d,\d")
ARTICLES = frozenset({"a", "an", "the"})
COUNTED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMBERS = {word: str(number) for number, word in enumerate(COUNTED)} | {"none": "0"}
# Those that are no words of their own without the apostrophe ("ill", "shed", "were" are).
ENDINGS = {
    "n't": "is are was were does do did has have had could would should might must need wo ai",
    "'ve": "i you we they could would should might must who what",
    "'re": "you they what who why",
    "'ll": "you they it what who that there",
    "'d": "you they it who there",
    "'s": "that what where who when how there",
    "'m": "i",
}
CONTRACTIONS = {
    f"{stem}{ending}".replace("'", ""): f"{stem}{ending}"
    for ending, stems in ENDINGS.items()
    for stem in stems.split()
} | {"cant": "can't", "oclock": "o'clock", "yall": "y'all", "maam": "ma'am"}


@lru_cache(maxsize=1 << 16)
def normal_form(answer: str) -> str:
    """Bring an answer to the form in which VQA's official evaluation compares answers.

    Lower case, without articles, marks and full stops; numbers up to ten as digits; contractions
    with their apostrophe. A mark is taken out where one of its kind stands beside a space, or
    where the answer has a number such as 1,000, and is a space elsewhere. The official list of
    contractions is longer by rare ones.
    """
    text = answer.replace("\n", " ").replace("\t", " ").strip()
    grouped = THOUSANDS.search(text) is not None
    found = text
    for mark in MARKS:
        loose = grouped or f"{mark} " in text or f" {mark}" in text
        found = found.replace(mark, "" if loose else " ")
    words = PERIOD.sub("", found).lower().split()
    plain = (NUMBERS.get(word, word) for word in words)
    return " ".join(CONTRACTIONS.get(word, word) for word in plain if word not in ARTICLES)
