"""What may change between the parts of a run that is resumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from polymodal_core.errors import RunError

MACHINE = {"data.workers", "data.store", "training.device", "training.threads"}
"""Where and how fast, but not what is computed; the store's contents are compared by checksum."""

EVALUATION = "evaluation."
"""What these keys say is of no matter to training."""


def check_same_recipe(recorded: Mapping[str, Any], given: Mapping[str, Any], *, run: str) -> None:
    """Raise RunError that lists every key in which a resumed run's recipe differs.

    The keys of `MACHINE` and of the evaluation may differ, and so may the folder of a path whose
    last part is the same.
    """
    lines = [f"  {line}" for line in changed_keys(recorded, given, there="in the run")]
    if lines:
        count = f"{len(lines)} key{'s' if len(lines) != 1 else ''}"
        raise RunError(
            f"{run} cannot be resumed with another recipe: {count} differ\n"
            + "\n".join(lines)
            + f"\ncontinue it as it was with `polymodal-train run {run} --resume`, or start the "
            f"changed recipe in another --out"
        )


def changed_keys(recorded: Mapping[str, Any], given: Mapping[str, Any], *, there: str) -> list[str]:
    """Say of every key in which two recipes differ what it was (`there`) and what it is now.

    The keys of `MACHINE` and of the evaluation are left out, and paths that have only moved.
    """
    before, after = dict(_flat(recorded)), dict(_flat(given))
    return [
        f"{key}: {_shown(before, key)} {there}, {_shown(after, key)} now"
        for key in sorted(before.keys() | after.keys())
        if key not in MACHINE
        and not key.startswith(EVALUATION)
        and before.get(key) != after.get(key)
        and not _moved(before.get(key), after.get(key))
    ]


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _moved(before: Any, after: Any) -> bool:
    return (
        isinstance(before, str)
        and isinstance(after, str)
        and "/" in before + after
        and PurePath(before).name == PurePath(after).name
    )


def _shown(table: Mapping[str, Any], key: str) -> str:
    return repr(table[key]) if key in table else "left out"
