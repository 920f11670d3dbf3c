"""Reads captions and checks them against scenes, knowing nothing of how they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from polymodal_datasets.rooms.classes import COLOURS, FLOORS, MATERIALS, SHAPES, WALLS
from polymodal_datasets.rooms.scene import Scenes

SYNONYMS = {
    "ball": "sphere",
    "box": "cube",
    "column": "cylinder",
    "hoop": "ring",
    "teal": "turquoise",
    "violet": "purple",
    "big": "large",
    "huge": "large",
    "mid-sized": "medium",
    "little": "small",
    "tiny": "small",
    "dull": "matte",
    "glossy": "shiny",
    "metallic": "metal",
    "stripy": "striped",
}
PHRASES = {
    "a floor of wooden planks": "a wooden floor",
    "a chessboard floor": "a checkered floor",
    "a floor of tiles": "a tiled floor",
    "a grey carpet": "a carpeted floor",
    "to the left of": "LEFT",
    "on the left of the": "LEFT the",
    "left of the": "LEFT the",
    "to the right of": "RIGHT",
    "on the right of the": "RIGHT the",
    "right of the": "RIGHT the",
    "in front of": "FRONT",
    "closer than": "FRONT",
    "further back than": "BEHIND",
    "close to": "CLOSE",
}
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}


def _any(words: Iterable[str]) -> str:
    return "|".join(words)


THING = (
    rf"(?:an?|the) (?:(?:large|medium|small) )?(?:(?:{_any(MATERIALS)}) )?"
    rf"(?:{_any(COLOURS)}) (?:metal )?(?:{_any(SHAPES)})"
)
RELATION = r"(?:LEFT|RIGHT|FRONT|BEHIND|behind|CLOSE)"
FLOOR = rf"on a (?P<floor>{_any(FLOORS)}) floor"
WALL = rf"(?P<walls>{_any(WALLS)})"
ROOM = rf"in a room with {WALL} walls"
VERB = "(?:stands|sits|rests|is)"
PLACED = rf"(?P<a>{THING}) (?:{VERB} )?(?P<ab>{RELATION}) (?P<b>{THING})"
LISTED = rf"(?P<listed>{THING}(?:, {THING})* and {THING})"

SENTENCES = (
    rf"(?P<main>{THING}) {VERB} {ROOM} and a (?P<floor>{_any(FLOORS)}) floor, "
    rf"(?:and|with) {PLACED}",
    rf"from left to right, {LISTED} (?:stand|are|rest) {FLOOR}",
    rf"(?P<number>\w+) objects (?:stand|are|rest) between {WALL} walls, "
    rf"from left to right {LISTED}",
    rf"{PLACED} {ROOM}",
    rf"{PLACED}, and (?P<near>{THING}) is near the (?P<wall>left|right|back) wall",
    rf"{PLACED}, and (?P<c>{THING}) is (?P<cd>{RELATION}) (?P<d>{THING})",
    rf"light from (?P<light>the left|the right|above) falls on {THING} and {THING} {FLOOR}",
    rf"the {WALL} walls are (?P<bare>bare) behind {THING} and {THING}",
    rf"there is a (?P<hung>window|painting) (?P<side>LEFT|RIGHT) the {WALL} back wall, "
    rf"and {THING} and {THING} stand {FLOOR}",
    rf"beside (?P<main>{THING}) stands? (?P<smaller>\w+) smaller objects? {FLOOR}, "
    rf"(?:(?P<of_them>one of them )?(?P<one>{THING})|(?P<count>\w+) of them (?P<kind>\w+)s)",
    rf"{ROOM}, {PLACED}",
    rf"{ROOM}, {PLACED} is (?P<compared>bigger|smaller) than (?P<than>{THING})",
)


def falsehoods(caption: str, scenes: Scenes, room: int) -> list[str]:
    """Say what is wrong with a caption of a room; empty where it is true and well formed."""
    if not re.fullmatch(r"[A-Z][^.]*\.", caption) or "  " in caption:
        return ["is no sentence"]
    if re.search(r"\ba [aeiou]|\ban [^aeiou]", caption):
        return ["wrong article"]
    text = caption[0].lower() + caption[1:-1]
    for phrase, meaning in PHRASES.items():
        text = re.sub(rf"\b{phrase}\b", meaning, text)
    text = re.sub(r"[a-z\-]+", lambda word: SYNONYMS.get(word[0], word[0]), text)
    text = re.sub(r"\bboxes\b", "cubes", text)
    text = re.sub(r"\b(\w+)s\b", lambda word: f"{SYNONYMS.get(word[1], word[1])}s", text)
    for form in SENTENCES:
        match = re.fullmatch(form, text)
        if match:
            return _Check(scenes, room).problems(text, match.groupdict())
    return [f"is of no known form: {text}"]


class _Check:
    def __init__(self, scenes: Scenes, room: int) -> None:
        self.scenes, self.room = scenes, room
        self.slots = [int(slot) for slot in np.flatnonzero(scenes.present[room])]
        offset = scenes.position[room] - scenes.camera[room]
        right, _, forward = scenes.axes[room]
        self.away = offset @ forward
        self.across = offset @ right / self.away

    def problems(self, text: str, said: dict[str, str | None]) -> list[str]:
        """Check everything that the named parts of a sentence claim."""
        named = re.findall(THING, text)
        claims = {f"there is {thing}": self.find(thing) is not None for thing in named}
        if all(claims.values()):
            given = {name: value for name, value in said.items() if value is not None}
            for part in (self.room_claims, self.object_claims, self.count_claims):
                claims |= part(text, given)
        return [claim for claim, true in claims.items() if not true]

    def room_claims(self, text: str, given: dict[str, str]) -> dict[str, bool]:
        """What is said of walls, floor, lamp and decoration."""
        scenes, room = self.scenes, self.room
        x = scenes.light[room, 0]
        hung = ("none", "window", "painting")[scenes.decoration[room]]
        side = "LEFT" if scenes.decoration_x[room] < 0 else "RIGHT"
        lamp = "above" if abs(x) < 0.8 else "the left" if x < 0 else "the right"
        true = {
            "walls": WALLS[scenes.walls[room]],
            "floor": FLOORS[scenes.floor[room]],
            "hung": hung,
            "side": side,
            "light": lamp,
        }
        claims = {name: given[name] == value for name, value in true.items() if name in given}
        return claims | ({"bare": hung == "none"} if "bare" in given else {})

    def object_claims(self, text: str, given: dict[str, str]) -> dict[str, bool]:
        """What is said of objects and between them."""
        claims = {}
        if "main" in given:
            claims["main"] = self.find(given["main"]) == 0
        for a, relation, b in (("a", "ab", "b"), ("c", "cd", "d")):
            if relation in given:
                claims[relation] = self.related(given[a], given[relation], given[b])
        if "near" in given:
            claims["near"] = self.near(given["near"], given["wall"])
        if "compared" in given:
            ratio = self.size(given["a"]) / self.size(given["than"])
            claims["compared"] = (ratio if given["compared"] == "bigger" else 1 / ratio) > 1.2
        return claims

    def count_claims(self, text: str, given: dict[str, str]) -> dict[str, bool]:
        """What is said of how many objects there are, and in which order."""
        claims = {}
        others = [slot for slot in self.slots if slot != 0]
        if "listed" in given:
            slots = [self.find(phrase) or 0 for phrase in re.findall(THING, given["listed"])]
            claims["all are listed"] = sorted(slots) == self.slots
            claims["in order"] = bool((np.diff(self.across[slots]) > 0).all())
        if "number" in given:
            claims["number"] = NUMBERS[given["number"]] == len(self.slots)
        if "smaller" in given:
            claims["smaller"] = NUMBERS[given["smaller"]] == len(others)
            claims["verb agrees"] = (" stands " in text) == (len(others) == 1)
            claims["noun agrees"] = (" objects " in text) == (len(others) > 1)
        if "one" in given:
            claims["one"] = self.find(given["one"]) in others
            claims["of them"] = ("of_them" in given) == (len(others) > 1)
        if "count" in given:
            shapes = [SHAPES[self.scenes.shape[self.room, slot]] for slot in others]
            claims["count"] = NUMBERS[given["count"]] == shapes.count(given["kind"]) > 1
        return claims

    def find(self, phrase: str) -> int | None:
        """The one object that a phrase fits."""
        words = phrase.split()
        found = []
        for slot in self.slots:
            at = self.room, slot
            size = self.scenes.size[at]
            true = {
                "large" if slot == 0 else "medium" if size > 0.3 else "small",
                MATERIALS[self.scenes.material[at]],
                COLOURS[self.scenes.colour[at]],
                SHAPES[self.scenes.shape[at]],
            }
            if set(words[1:]) <= true:
                found.append(slot)
        return found[0] if len(found) == 1 else None

    def size(self, phrase: str) -> float:
        """Radius of the object that a phrase fits."""
        slot = self.find(phrase)
        assert slot is not None
        return float(self.scenes.size[self.room, slot])

    def near(self, phrase: str, wall: str) -> bool:
        """Whether an object is near a wall."""
        x, _, z = self.scenes.position[self.room, self.find(phrase)]
        half_width, depth = self.scenes.half_width[self.room], self.scenes.depth[self.room]
        return bool(
            {"left": x + half_width, "right": half_width - x, "back": depth - z}[wall] < 0.8
        )

    def related(self, a: str, relation: str, b: str) -> bool:
        """Whether a stands in a relation to b, plainly to see."""
        i, j = self.find(a), self.find(b)
        assert i is not None
        assert j is not None
        aside, further = self.across[i] - self.across[j], self.away[i] - self.away[j]
        distance = np.linalg.norm(
            self.scenes.position[self.room, i] - self.scenes.position[self.room, j]
        )
        return bool(
            {
                "LEFT": aside < -0.09,
                "RIGHT": aside > 0.09,
                "FRONT": further < -0.45,
                "BEHIND": further > 0.45,
                "CLOSE": distance < 1.0 and i != j,
            }[relation.upper()]
        )
