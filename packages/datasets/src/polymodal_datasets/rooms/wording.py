"""The words for what stands in a room: synonyms, noun phrases, articles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from polymodal_datasets.rooms.classes import COLOURS, FLOORS, MATERIALS, SHAPES

T = TypeVar("T")

SHAPE_WORDS = {
    "sphere": ("sphere", "ball"),
    "cube": ("cube", "box"),
    "cylinder": ("cylinder", "column"),
    "cone": ("cone",),
    "ring": ("ring", "hoop"),
    "pyramid": ("pyramid",),
}
COLOUR_WORDS = {name: (name,) for name in COLOURS} | {
    "turquoise": ("turquoise", "teal"),
    "purple": ("purple", "violet"),
}
SIZE_WORDS = {
    "large": ("large", "big", "huge"),
    "medium": ("medium", "mid-sized"),
    "small": ("small", "little", "tiny"),
}
# True where the word stands after the colour: "a red metal ball", but "a shiny red ball".
MATERIAL_WORDS = {
    "matte": (("matte", False), ("dull", False)),
    "shiny": (("shiny", False), ("glossy", False)),
    "metal": (("metal", True), ("metallic", False)),
    "striped": (("striped", False), ("stripy", False)),
}
FLOOR_WORDS = {
    "wooden": ("a wooden floor", "a floor of wooden planks"),
    "checkered": ("a checkered floor", "a chessboard floor"),
    "tiled": ("a tiled floor", "a floor of tiles"),
    "carpeted": ("a carpeted floor", "a grey carpet"),
}
NUMBERS = ("no", "one", "two", "three", "four", "five")

assert tuple(SHAPE_WORDS) == SHAPES
assert tuple(MATERIAL_WORDS) == MATERIALS
assert tuple(FLOOR_WORDS) == FLOORS


class Choices:
    """Turns uniform draws into choices of words, one draw a choice whatever there is to choose.

    Two rooms with the same draws are therefore described in the same words, as far as they are
    alike: captions of twins differ where the rooms do.
    """

    def __init__(self, draws: Sequence[float]) -> None:
        """Take draws in [0, 1); they are used again from the start when they run out."""
        self._draws = draws
        self._used = 0

    def of(self, options: Sequence[T]) -> T:
        """Choose one."""
        draw = self._draws[self._used % len(self._draws)]
        self._used += 1
        return options[int(draw * len(options))]


@dataclass(frozen=True)
class Thing:
    """An object as captions speak of it; `size` is large, medium or small."""

    slot: int
    shape: str
    colour: str
    material: str
    size: str


def noun_phrase(thing: Thing, choices: Choices) -> str:
    """Introduce an object: "a small green metal cube"."""
    size = choices.of(SIZE_WORDS[thing.size])
    material, after = choices.of(MATERIAL_WORDS[thing.material])
    mentioned = choices.of((True, False))
    colour = choices.of(COLOUR_WORDS[thing.colour])
    words = [size, material, colour] if not after else [size, colour, material]
    if not mentioned:
        words = [size, colour]
    return with_article(" ".join([*words, choices.of(SHAPE_WORDS[thing.shape])]))


def reference(thing: Thing, choices: Choices) -> str:
    """Speak of an object again: "the green cube"; no two objects of a room share a colour."""
    colour, shape = choices.of(COLOUR_WORDS[thing.colour]), choices.of(SHAPE_WORDS[thing.shape])
    return f"the {colour} {shape}"


def with_article(words: str) -> str:
    """Put "a" or "an" before words."""
    return f"{'an' if words[0] in 'aeio' else 'a'} {words}"


def plural(shape_word: str) -> str:
    """Give the plural of a word for a shape."""
    return f"{shape_word}es" if shape_word.endswith("x") else f"{shape_word}s"


def listing(phrases: Sequence[str]) -> str:
    """Join phrases: "a, b and c"."""
    if len(phrases) == 1:
        return phrases[0]
    return f"{', '.join(phrases[:-1])} and {phrases[-1]}"
