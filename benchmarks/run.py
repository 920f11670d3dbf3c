"""Run the benchmarks: ratios measured side by side in one run, never absolute claims.

`python benchmarks/run.py [name ...] [--quick]`; without names, all of them.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

NAMES = (
    "startup",
    "rooms",
    "loading",
    "difficulty",
    "retrieval",
    "losses",
    "gradient_caching",
    "cached_features",
    "fusion",
)


def main() -> int:
    """Run the named benchmarks one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="small sizes, for a first look")
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; known: {', '.join(NAMES)}")
    sys.path.insert(0, str(Path(__file__).parent))
    for name in options.names or NAMES:
        start = time.perf_counter()
        print(f"\n== {name}", flush=True)
        importlib.import_module(name).main(quick=options.quick)
        print(f"   ({time.perf_counter() - start:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
