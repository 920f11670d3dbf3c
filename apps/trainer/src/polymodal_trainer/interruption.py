"""Ctrl-C and SIGTERM: finish the step, write a checkpoint, leave."""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
NOTICE = b"\nstopping after this step, with a checkpoint; once more to stop at once\n"


class Interrupted(Exception):
    """Raised where a long computation may stop at once, since nothing of it is kept."""


class Interruption:
    """A context in which the first SIGINT or SIGTERM only sets `requested`; the second one ends."""

    def __init__(self) -> None:
        """Start with nothing requested."""
        self.requested = False
        self._pid = os.getpid()
        self._previous = dict.fromkeys(SIGNALS, signal.SIG_DFL)

    def __enter__(self) -> Interruption:
        """Catch the signals."""
        for number in SIGNALS:
            self._previous[number] = signal.signal(number, self._receive)  # type: ignore[assignment]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        self._restore()

    def raise_if_requested(self) -> None:
        """Raise Interrupted where a signal has come."""
        if self.requested:
            raise Interrupted

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:
            return  # a forked loader process: the trainer tells it when to end
        self.requested = True
        self._restore()
        os.write(2, NOTICE)  # print could be what the signal has just interrupted

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
