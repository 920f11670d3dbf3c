"""How a broken rule is reported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class ConformanceError(AssertionError):
    """A plug-in breaks a rule of the contract; the message says which, and by what."""


@dataclass(frozen=True)
class Rules:
    """The rules that one `subject` (a class name) is held to."""

    subject: str

    def require(self, holds: bool, rule: str, found: str = "") -> None:
        """Raise ConformanceError unless `holds`."""
        if not holds:
            raise ConformanceError(f"{self.subject}: {rule}{f'; {found}' if found else ''}")

    @contextmanager
    def runs(self, rule: str) -> Iterator[None]:
        """Turn any error raised inside into a ConformanceError about `rule`."""
        try:
            yield
        except ConformanceError:
            raise
        except Exception as error:
            raise ConformanceError(
                f"{self.subject}: {rule}; it raised {type(error).__name__}: {error}"
            ) from error
