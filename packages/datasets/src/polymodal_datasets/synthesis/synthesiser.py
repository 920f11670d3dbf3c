"""Speaking many texts at once, in processes of their own."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import os
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from queue import SimpleQueue
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar

from polymodal_core.errors import PolymodalError

from polymodal_datasets.synthesis.espeak import HEADER
from polymodal_datasets.synthesis.voice import Voice

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 16_000
"""Hz of what is given; espeak-ng itself makes 22,050."""
AHEAD = 4
"""Texts in work or waiting, per process."""

Spoken = tuple["NDArray[np.int16]", int]
"""Mono samples [samples] and their rate in Hz: what the modality `speech` packs."""
T = TypeVar("T")


class Synthesiser:
    """Speaks texts by espeak-ng in `workers` processes (by default one per core).

    What is said depends on text and voice alone, never on what was said before. To be used in a
    `with` statement, which ends the processes. Raises PolymodalError where the extra is missing.
    """

    def __init__(self, *, workers: int | None = None) -> None:
        """Check that espeak-ng is there; processes start when there is something to say."""
        require_synthesis()
        self._workers = max(1, (os.cpu_count() or 1) if workers is None else workers)
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="speak")
        self._idle: SimpleQueue[subprocess.Popen[bytes] | None] = SimpleQueue()
        self._started: list[subprocess.Popen[bytes]] = []
        for _ in range(self._workers):
            self._idle.put(None)

    def __enter__(self) -> Self:
        """Give this synthesiser."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes; what waits to be said is dropped."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for process in self._started:
            # Without requests a process comes to its end, and clears up behind itself.
            with contextlib.suppress(OSError):
                _pipe(process.stdin).close()
        for process in self._started:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _pipe(process.stdout).close()

    def say(self, text: str, voice: Voice) -> Spoken:
        """Give the samples int16 [samples] of a text, and their rate: 16 kHz.

        Raises PolymodalError for a text without anything to say.
        """
        process = self._idle.get()
        try:
            if process is None or process.poll() is not None:
                process = self._start()
            samples, rate = _ask(process, {"text": text, **asdict(voice)})
        finally:
            self._idle.put(process)
        return _resample(samples, rate), RATE

    def say_ahead(
        self, tasks: Iterable[tuple[T, Sequence[tuple[str, Voice]]]]
    ) -> Iterator[tuple[T, list[Spoken]]]:
        """Give each task's first part with what its texts sound like, in order.

        Some texts are spoken ahead of need, so that the processes are never idle.
        """
        waiting: deque[tuple[T, list[Future[Spoken]]]] = deque()

        def finish() -> tuple[T, list[Spoken]]:
            task, futures = waiting.popleft()
            return task, [future.result() for future in futures]

        for task, texts in tasks:
            waiting.append((task, [self._threads.submit(self.say, *text) for text in texts]))
            if sum(len(futures) for _, futures in waiting) > AHEAD * self._workers:
                yield finish()
        while waiting:
            yield finish()

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "polymodal_datasets.synthesis.espeak"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._started.append(process)
        return process


def require_synthesis() -> None:
    """Raise PolymodalError where the packages that speaking needs are not installed."""
    missing = [name for name in ("espeakng_loader", "torchaudio") if not _installed(name)]
    if missing:
        raise PolymodalError(
            f"spoken captions need {' and '.join(missing)}, not installed here; say "
            f"pip install 'polymodal-datasets[speech]', or leave speech out"
        )


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _ask(process: subprocess.Popen[bytes], request: dict[str, Any]) -> tuple[bytes, int]:
    requests, answers = _pipe(process.stdin), _pipe(process.stdout)
    try:
        requests.write(json.dumps(request).encode() + b"\n")
        requests.flush()
        rate, size = HEADER.unpack(answers.read(HEADER.size))
        payload = answers.read(size)
    except (OSError, ValueError, struct.error):
        process.kill()
        raise PolymodalError(
            f"the process that runs espeak-ng ended (exit code {process.wait()}) while saying "
            f"'{request['text'][:60]}' as {request['name']}"
        ) from None
    if rate == 0:
        raise PolymodalError(payload.decode(errors="replace"))
    return payload, rate


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    assert end is not None  # every process is started with pipes
    return end


def _resample(samples: bytes, rate: int) -> NDArray[np.int16]:
    import torch

    given = torch.frombuffer(bytearray(samples), dtype=torch.int16).float()
    with torch.no_grad():
        found = _resampler(rate)(given)
    result: NDArray[np.int16] = found.round_().clamp_(-32768, 32767).short().numpy()
    return result


@functools.lru_cache
def _resampler(rate: int) -> Any:
    from torchaudio.transforms import Resample

    return Resample(rate, RATE)
