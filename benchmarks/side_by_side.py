"""Time several ways of doing one thing in turn, so that all see the same machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def medians(ways: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, float]:
    """Give the median seconds of every way over `rounds`, A B C A B C ..., after a warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if turn > 0:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def print_table(title: str, found: Mapping[str, float], *, ours: str, work: float = 0.0) -> None:
    """Print seconds, `work` per second where given, and each way's time as a multiple of ours."""
    rate = f" {'per second':>12}" if work > 0 else ""
    print(f"{title:44} {'seconds':>9}{rate} {'x ours':>8}")
    for name, value in found.items():
        rate = f" {work / value:12.0f}" if work > 0 else ""
        print(f"  {name:42} {value:9.3f}{rate} {value / found[ours]:8.2f}")
