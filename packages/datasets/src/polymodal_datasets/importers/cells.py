"""Cells of a table, as text, as several texts, as numbers, as a point in time."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

_BETWEEN_NUMBERS = re.compile(r"[\s,;]+")


class BadCell(Exception):
    """A cell that cannot be used: what is wrong with it, and of which columns it is."""

    def __init__(self, message: str, columns: Sequence[str] = ()) -> None:
        """Say what is wrong with the cells of `columns`."""
        self.message = message
        self.columns = tuple(columns)
        super().__init__(message)


def without_markers(cells: Mapping[str, Any], markers: Collection[str]) -> dict[str, Any]:
    """Give the cells of a record, empty where they hold one of the texts that stand for that."""
    if not markers:
        return dict(cells)
    return {
        name: None if isinstance(cell, str) and cell.strip() in markers else cell
        for name, cell in cells.items()
    }


def text_of(cell: Any) -> str | None:
    """Give a cell as text without white space around it; None where it is empty.

    Whole floats lose their '.0', NaN is empty. Raises BadCell for lists, tables and bytes.
    """
    if cell is None:
        return None
    if isinstance(cell, str):
        _check_unicode(cell)
        return cell.strip() or None
    if isinstance(cell, bool | int | Decimal):
        return str(cell)
    if isinstance(cell, float):
        if math.isnan(cell):
            return None
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if hasattr(cell, "isoformat"):
        return str(cell.isoformat())
    raise BadCell(f"holds a {type(cell).__name__} where one text or number is expected")


def texts_of(cell: Any, separator: str | None) -> list[str]:
    """Give the texts of a cell: of a list, or of a text split at `separator`; empty ones not."""
    if isinstance(cell, list | tuple):
        texts = [text_of(value) for value in cell]
        return [text for text in texts if text is not None]
    text = text_of(cell)
    if text is None:
        return []
    parts = [text] if separator is None else text.split(separator)
    return [part.strip() for part in parts if part.strip()]


def numbers_of(cell: Any, separator: str | None = None) -> list[float]:
    """Give the numbers of a cell: one, a list, or a text of several, in brackets or not.

    They are split at `separator`, or at white space, commas and semicolons. Raises BadCell for
    what is no number, and for NaN and infinity.
    """
    if isinstance(cell, list | tuple):
        values = list(cell)
    elif isinstance(cell, str):
        bare = cell.strip().removeprefix("[").removesuffix("]").strip()
        parts = _BETWEEN_NUMBERS.split(bare) if separator is None else bare.split(separator)
        values = [part.strip() for part in parts if part.strip()]
    else:
        values = [] if cell is None else [cell]
    numbers = []
    for place, value in enumerate(values):
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise BadCell(f"{value!r} is no number (value {place + 1})") from None
        if not math.isfinite(number):
            raise BadCell(f"{number} at value {place + 1}; every number must be finite")
        numbers.append(number)
    return numbers


def time_of(text: str) -> Decimal:
    """Give a number, or an ISO 8601 time in seconds since 1970 (UTC where it says no zone).

    Exact, since nanoseconds since 1970 do not fit a float. Raises BadCell.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise BadCell(f"'{text}' is neither a number nor an ISO 8601 time") from None
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        return Decimal(since.days * 86_400 + since.seconds) + Decimal(since.microseconds) / 10**6
    if not number.is_finite():
        raise BadCell(f"'{text}' is no finite number")
    return number


def _check_unicode(text: str) -> None:
    # Tables are read with `surrogateescape`, so that one bad byte costs one row.
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        byte = ord(text[error.start]) & 0xFF
        raise BadCell(
            f"byte 0x{byte:02x} does not fit the table's encoding; give another `encoding`"
        ) from None
