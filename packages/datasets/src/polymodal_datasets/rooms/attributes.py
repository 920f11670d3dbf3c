"""A vector of named numbers that says what is in a room, and their means over classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from polymodal_datasets.rooms.classes import CLASSES, COLOURS, FLOORS, MATERIALS, SHAPES, WALLS
from polymodal_datasets.rooms.scene import DECORATIONS, SLOTS, Scenes
from polymodal_datasets.rooms.textures import OBJECT_PALETTE

Array = np.ndarray[Any, np.dtype[Any]]

_OTHER = ("present", "x", "z", "size", "red", "green", "blue")

ATTRIBUTE_NAMES: tuple[str, ...] = (
    *(f"large shape: {name}" for name in SHAPES),
    *(f"large colour: {name}" for name in COLOURS),
    *(f"walls: {name}" for name in WALLS),
    *(f"floor: {name}" for name in FLOORS),
    *(f"large material: {name}" for name in MATERIALS),
    *(f"decoration: {name}" for name in DECORATIONS),
    *("large size", "large x", "large z", "decoration x", "room half width", "room depth"),
    *("light x", "light y", "light z", "light strength", "other objects"),
    *(f"others of shape: {name}" for name in SHAPES),
    *(f"others of colour: {name}" for name in COLOURS),
    *(f"others of material: {name}" for name in MATERIALS),
    *(f"other {number} from the left: {what}" for number in range(1, SLOTS) for what in _OTHER),
)
"""Metres for places and sizes, linear RGB for colours; zeros where there is no such object."""


def attributes(scenes: Scenes) -> Array:
    """Give the vectors float32 [rooms, len(ATTRIBUTE_NAMES)]."""
    others = scenes.present[:, 1:]
    hung = scenes.decoration > 0
    columns = [
        _one_hot(scenes.shape[:, 0], len(SHAPES)),
        _one_hot(scenes.colour[:, 0], len(COLOURS)),
        _one_hot(scenes.walls, len(WALLS)),
        _one_hot(scenes.floor, len(FLOORS)),
        _one_hot(scenes.material[:, 0], len(MATERIALS)),
        _one_hot(scenes.decoration, len(DECORATIONS)),
        scenes.size[:, :1],
        scenes.position[:, 0, ::2],
        np.stack([scenes.decoration_x * hung, scenes.half_width, scenes.depth], axis=1),
        scenes.light,
        scenes.tint[:, 2:],
        others.sum(axis=1, keepdims=True),
        _counts(scenes.shape, others, len(SHAPES)),
        _counts(scenes.colour, others, len(COLOURS)),
        _counts(scenes.material, others, len(MATERIALS)),
        _left_to_right(scenes),
    ]
    return np.concatenate(columns, axis=1).astype(np.float32)


def prototypes(vectors: Array, labels: Array) -> dict[int, Array]:
    """Mean float32 [dim] of the vectors [rooms, dim] of every class among labels [rooms]."""
    count = np.bincount(labels, minlength=len(CLASSES))
    total = np.zeros((len(CLASSES), vectors.shape[1]))
    np.add.at(total, labels, vectors.astype(np.float64))
    return {
        int(label): (total[label] / count[label]).astype(np.float32)
        for label in np.flatnonzero(count)
    }


def _one_hot(values: Array, count: int) -> Array:
    return np.eye(count)[values]


def _counts(values: Array, others: Array, count: int) -> Array:
    counted: Array = (np.eye(count)[values[:, 1:]] * others[..., None]).sum(axis=1)
    return counted


def _left_to_right(scenes: Scenes) -> Array:
    present = scenes.present[:, 1:]
    order = np.argsort(np.where(present, scenes.position[:, 1:, 0], np.inf), axis=1, kind="stable")
    described = np.concatenate(
        [
            present[..., None],
            scenes.position[:, 1:, ::2],
            scenes.size[:, 1:, None],
            OBJECT_PALETTE[scenes.colour[:, 1:]],
        ],
        axis=2,
    )
    described = described * present[..., None]
    return np.take_along_axis(described, order[..., None], axis=1).reshape(len(scenes), -1)
