"""Which classes prompts choose among, and by which words each is called."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from polymodal_core.errors import PolymodalError, UnknownNameError, suggest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

Names = Mapping[str, Sequence[str]] | Sequence[str]
"""Words of some classes; or the classes themselves, those of the store among them or not."""


@dataclass(frozen=True)
class LabelSet:
    """Classes to choose among: `labels` [classes], their `names`, and the `words` of each.

    Labels from the number of the store's classes on are of classes that it has no example of.
    """

    labels: Integers
    names: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]


def label_set(
    names: Names | None, class_names: Sequence[str], labels: Integers, *, tidy_names: bool
) -> LabelSet:
    """Make the label set of a store with `class_names`; without `names`, of its `labels`.

    A mapping gives words to classes by their names, tidied or not; a list replaces the set: what is
    called as a class of the store is this class, whatever the case, all else is another one. Raises
    UnknownNameError for a class that is none, PolymodalError for a list without one of the store's.
    """

    def called(name: str) -> str:
        return tidy(name) if tidy_names else name

    if names is None or isinstance(names, Mapping):
        given = _by_class({} if names is None else names, class_names)
        own = [class_names[label] for label in labels]
        words = tuple(given.get(name, (called(name),)) for name in own)
        return LabelSet(labels, tuple(own), words)
    known = {_folded(name): number for number, name in enumerate(class_names)}
    twice = [name for name in names if [_folded(item) for item in names].count(_folded(name)) > 1]
    if twice:
        raise PolymodalError(f"names: '{twice[0]}' is listed twice; a class is listed once")
    found = [known.get(_folded(name)) for name in names]
    if sum(label is not None for label in found) < 1:
        raise PolymodalError(
            f"names: none of {_some(names)} is a class of the store, which has {_some(class_names)}"
        )
    numbers = [len(class_names) + n if label is None else label for n, label in enumerate(found)]
    return LabelSet(np.array(numbers, np.int64), tuple(names), tuple((name,) for name in names))


def read_names(path: Path) -> Names:
    """Read a label set: a line per class, or a JSON list, or a JSON table of words by class.

    Raises PolymodalError for a file that is not there, or is none of these.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PolymodalError(f"names: {path} cannot be read: {error}") from None
    if path.suffix.lower() != ".json":
        return checked_names([line.strip() for line in text.splitlines() if line.strip()], path)
    try:
        return checked_names(json.loads(text), path)
    except ValueError as error:
        raise PolymodalError(f"names: {path} cannot be read as JSON: {error}") from None


def checked_names(given: Any, path: Path) -> Names:
    """Check what a file holds; raises PolymodalError that names it."""
    if isinstance(given, dict):
        words = {name: (item,) if isinstance(item, str) else item for name, item in given.items()}
        if words and all(_are_texts(item) for item in words.values()):
            return {name: tuple(item) for name, item in words.items()}
    elif _are_texts(given):
        return tuple(given)
    raise PolymodalError(
        f"names: {path} holds {type(given).__name__}; a list of names, or a table of words by "
        f"class, is expected, none of them empty"
    )


def tidy(name: str) -> str:
    """Read a class name as words: "012.Sea_bird" as "Sea bird"; a bare number stays."""
    words = re.sub(r"^\d+[.\s_-]+(?=\S)", "", name).replace("_", " ")
    return " ".join(words.split())


def _are_texts(given: Any) -> bool:
    return (
        isinstance(given, list | tuple)
        and len(given) > 0
        and all(isinstance(item, str) and item.strip() for item in given)
    )


def _by_class(given: Mapping[str, Sequence[str]], class_names: Sequence[str]) -> dict[str, Any]:
    known = {_folded(name): name for name in class_names}
    found = {}
    for name, words in given.items():
        if _folded(name) not in known:
            raise UnknownNameError(
                f"names: the store has no class '{name}'{suggest(name, class_names)}"
            )
        found[known[_folded(name)]] = tuple(words)
    return found


def _folded(name: str) -> str:
    return tidy(name).casefold()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
