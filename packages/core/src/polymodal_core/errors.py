"""Errors that a user can act on: the apps print their message and exit with code 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class PolymodalError(Exception):
    """Something that the user gave or asked for cannot be used; the message says what would be."""


class PluginError(PolymodalError):
    """An installed plug-in breaks the contract: a taken name, a misspelt hook, a wrong class."""


class UnknownNameError(PolymodalError):
    """A kind, column or recipe was asked for that nobody provides."""


class ValueRejectedError(PolymodalError):
    """A single value cannot be packed or decoded: a truncated picture, a NaN attribute."""


class StoreError(PolymodalError):
    """A store is missing, damaged, or of another schema version."""


class CheckpointError(PolymodalError):
    """A checkpoint is missing, damaged, or does not fit the model that should receive it."""


class RunError(PolymodalError):
    """A run cannot start or go on: its folder is taken, its numbers are no longer finite."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a recipe: where (`modalities.image.size`) and what."""

    path: str
    message: str

    def __str__(self) -> str:
        """Give the problem as one line."""
        return f"{self.path}: {self.message}" if self.path else self.message


class RecipeError(PolymodalError):
    """Every problem of a recipe at once."""

    def __init__(self, problems: Sequence[Problem], *, source: str = "recipe") -> None:
        """Collect the problems found in `source` (a file name, or 'recipe')."""
        self.problems = tuple(problems)
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        super().__init__("\n".join([f"{source}: {count}", *(f"  {item}" for item in problems)]))


def suggest(name: str, known: Iterable[str]) -> str:
    """Say what exists instead of `name`: `; did you mean 'image'? known: depth, image, text`."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"{hint}{';' if not hint else ''} known: {', '.join(names) if names else '(none)'}"
