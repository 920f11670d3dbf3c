"""Sentences that are true of a room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from polymodal_datasets.rooms.classes import COLOURS, FLOORS, MATERIALS, SHAPES, WALLS
from polymodal_datasets.rooms.scene import CAPTIONS, DECORATIONS, Scenes, in_view
from polymodal_datasets.rooms.wording import (
    FLOOR_WORDS,
    NUMBERS,
    SHAPE_WORDS,
    Choices,
    Thing,
    listing,
    noun_phrase,
    plural,
    reference,
)

Array = np.ndarray[Any, np.dtype[Any]]

# Two things are called left and right of each other, or one behind the other, only where that is
# plain to see: tangent of the angle between them, metres along the view, metres to a wall.
BESIDE = 0.1
BEHIND = 0.5
NEAR_WALL = 0.75
# Smaller objects are at most 0.27 m or at least 0.34 m in radius.
MEDIUM = 0.3
SIDE_LIGHT = 0.8

_RELATIONS = {
    "left": ("to the left of", "on the left of", "left of"),
    "right": ("to the right of", "on the right of", "right of"),
    "front": ("in front of", "closer than"),
    "behind": ("behind", "further back than"),
}
_STANDS = ("stands", "sits", "rests", "is")


@dataclass(frozen=True)
class _Room:
    things: tuple[Thing, ...]
    """The large object first."""
    across: tuple[float, ...]
    """Place of each in the picture, tangent to the right."""
    away: tuple[float, ...]
    """Metres along the view of each."""
    near: tuple[tuple[str, ...], ...]
    """Walls that each is near."""
    walls: str
    floor: str
    decoration: str
    decoration_side: str
    light: str

    @property
    def main(self) -> Thing:
        return self.things[0]

    @property
    def others(self) -> tuple[Thing, ...]:
        return self.things[1:]

    def relations(self, a: Thing, b: Thing) -> list[str]:
        """Name the relations in which a stands to b; empty where none is plain."""
        found = []
        i, j = self.things.index(a), self.things.index(b)
        aside, further = self.across[i] - self.across[j], self.away[i] - self.away[j]
        if abs(aside) > BESIDE:
            found.append("right" if aside > 0 else "left")
        if abs(further) > BEHIND:
            found.append("behind" if further > 0 else "front")
        return found


def captions(scenes: Scenes, *, count: int) -> list[list[str]]:
    """Describe every room in `count` sentences (at most scene.CAPTIONS) of different build."""
    if not 0 <= count <= CAPTIONS:
        raise ValueError(f"{count} captions per room asked for; 0 to {CAPTIONS} can be made")
    described = []
    for room, draws in zip(_rooms(scenes), scenes.words.tolist(), strict=True):
        # Neighbours in the cycle, so that the captions of a room differ in build.
        start = Choices(draws[0]).of(range(len(_STYLES)))
        styles = [_STYLES[(start + number) % len(_STYLES)] for number in range(count)]
        described.append(
            [
                _sentence(style(room, Choices(draws[number][1:])))
                for number, style in enumerate(styles)
            ]
        )
    return described


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _rooms(scenes: Scenes) -> list[_Room]:
    view = in_view(scenes)
    across = (view[..., 0] / view[..., 2]).tolist()
    away, position = view[..., 2].tolist(), scenes.position.tolist()
    described = []
    for room in range(len(scenes)):
        slots = np.flatnonzero(scenes.present[room]).tolist()
        half_width, depth = float(scenes.half_width[room]), float(scenes.depth[room])
        near = [_near(position[room][slot], half_width, depth) for slot in slots]
        described.append(
            _Room(
                things=tuple(_thing(scenes, room, slot) for slot in slots),
                across=tuple(across[room][slot] for slot in slots),
                away=tuple(away[room][slot] for slot in slots),
                near=tuple(near),
                walls=WALLS[scenes.walls[room]],
                floor=FLOORS[scenes.floor[room]],
                decoration=DECORATIONS[scenes.decoration[room]],
                decoration_side="left" if scenes.decoration_x[room] < 0 else "right",
                light=_light(float(scenes.light[room, 0])),
            )
        )
    return described


def _light(x: float) -> str:
    if abs(x) < SIDE_LIGHT:
        return "above"
    return "the right" if x > 0 else "the left"


def _thing(scenes: Scenes, room: int, slot: int) -> Thing:
    small = "medium" if scenes.size[room, slot] > MEDIUM else "small"
    return Thing(
        slot,
        SHAPES[scenes.shape[room, slot]],
        COLOURS[scenes.colour[room, slot]],
        MATERIALS[scenes.material[room, slot]],
        "large" if slot == 0 else small,
    )


def _near(position: list[float], half_width: float, depth: float) -> tuple[str, ...]:
    distances = {
        "left": position[0] + half_width,
        "right": half_width - position[0],
        "back": depth - position[2],
    }
    return tuple(wall for wall, distance in distances.items() if distance < NEAR_WALL)


def _place(room: _Room, thing: Thing, other: Thing, choices: Choices) -> str:
    # Where a thing is, seen from another: "behind the red ball". All draws are made in any case.
    kinds = room.relations(thing, other)
    draw, phrase = choices.of(range(64)), choices.of(range(64))
    named = reference(other, choices)
    if not kinds:
        return f"close to {named}"
    options = _RELATIONS[kinds[draw * len(kinds) // 64]]
    return f"{options[phrase * len(options) // 64]} {named}"


def _full(room: _Room, choices: Choices) -> str:
    main, floor = noun_phrase(room.main, choices), choices.of(FLOOR_WORDS[room.floor])
    verb, other = choices.of(_STANDS[:3]), choices.of(room.others)
    joined = choices.of(("and {} is {}", "with {} {}"))
    extra = joined.format(noun_phrase(other, choices), _place(room, other, room.main, choices))
    return f"{main} {verb} in a room with {room.walls} walls and {floor}, {extra}"


def _row(room: _Room, choices: Choices) -> str:
    order = sorted(range(len(room.things)), key=lambda number: room.across[number])
    phrases = listing([noun_phrase(room.things[number], choices) for number in order])
    floor, verb = choices.of(FLOOR_WORDS[room.floor]), choices.of(("stand", "are", "rest"))
    if choices.of((True, False)):
        return f"from left to right, {phrases} {verb} on {floor}"
    number = NUMBERS[len(room.things)]
    return f"{number} objects {verb} between {room.walls} walls, from left to right {phrases}"


def _relation(room: _Room, choices: Choices) -> str:
    other, verb = choices.of(room.others), choices.of(_STANDS)
    first = f"{noun_phrase(other, choices)} {verb} {_place(room, other, room.main, choices)}"
    rest = [thing for thing in room.others if thing is not other]
    if not rest:
        return f"{first} in a room with {room.walls} walls"
    third = choices.of(rest)
    walls = room.near[room.things.index(third)]
    if walls:
        return f"{first}, and {noun_phrase(third, choices)} is near the {choices.of(walls)} wall"
    target = choices.of((room.main, other))
    return f"{first}, and {noun_phrase(third, choices)} is {_place(room, third, target, choices)}"


def _surroundings(room: _Room, choices: Choices) -> str:
    main, other = noun_phrase(room.main, choices), noun_phrase(choices.of(room.others), choices)
    floor = choices.of(FLOOR_WORDS[room.floor])
    if choices.of((True, False)):
        return f"light from {room.light} falls on {main} and {other} on {floor}"
    if room.decoration == "none":
        return f"the {room.walls} walls are bare behind {main} and {other}"
    side = f"on the {room.decoration_side} of the {room.walls} back wall"
    return f"there is a {room.decoration} {side}, and {main} and {other} stand on {floor}"


def _count(room: _Room, choices: Choices) -> str:
    main, others = noun_phrase(room.main, choices), room.others
    named = choices.of(others)
    alike = [thing for thing in others if thing.shape == named.shape]
    word, floor = choices.of(SHAPE_WORDS[named.shape]), choices.of(FLOOR_WORDS[room.floor])
    phrase = noun_phrase(named, choices)
    if len(others) == 1:
        return f"beside {main} stands one smaller object on {floor}, {phrase}"
    whole = f"beside {main} stand {NUMBERS[len(others)]} smaller objects on {floor}"
    if len(alike) > 1:
        return f"{whole}, {NUMBERS[len(alike)]} of them {plural(word)}"
    return f"{whole}, one of them {phrase}"


def _comparison(room: _Room, choices: Choices) -> str:
    main, other = room.main, choices.of(room.others)
    place = _place(room, other, main, choices)
    rest = [thing for thing in room.others if thing.size != other.size]
    walls = f"in a room with {room.walls} walls"
    if not rest:
        return f"{walls}, {noun_phrase(other, choices)} is {place}"
    third = choices.of(rest)
    bigger = "bigger" if other.size == "medium" else "smaller"
    compared = f"{bigger} than {reference(third, choices)}"
    return f"{walls}, {reference(other, choices)} {place} is {compared}"


_STYLES: tuple[Callable[[_Room, Choices], str], ...] = (
    _full,
    _row,
    _relation,
    _surroundings,
    _count,
    _comparison,
)
