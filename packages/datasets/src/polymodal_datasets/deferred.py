"""Values whose stored bytes are made when they are packed, by no modality."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Deferred:
    """A value of an importer that knows its stored bytes: copied, or costly to make.

    `make` is called in a packing thread, and not at all for an item that is stored already.
    `token` stands for the value where an interrupted pack asks whether the raw data have changed.
    """

    token: str
    make: Callable[[], bytes] = field(compare=False)
