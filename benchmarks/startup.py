"""Start-up of the apps against importing the libraries that peers import to print their help."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent
COMMANDS = {
    "bare python": [sys.executable, "-c", "pass"],
    "polymodal-pack --help": [str(BIN / "polymodal-pack"), "--help"],
    "polymodal-train --help": [str(BIN / "polymodal-train"), "--help"],
    "polymodal-evaluate --help": [str(BIN / "polymodal-evaluate"), "--help"],
    "polymodal-train --version": [str(BIN / "polymodal-train"), "--version"],
    "list plug-ins": [sys.executable, "-m", "polymodal_core.plugins"],
    "polymodal-train check rooms": [str(BIN / "polymodal-train"), "check", "rooms"],
    "import torch, timm, BertModel": [
        sys.executable,
        "-c",
        "import torch, timm; from transformers import BertModel",
    ],
}


def main(*, quick: bool = False) -> None:
    """Print the median of each command's wall time and its ratio to the peers' imports."""
    rounds = 3 if quick else 7
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(rounds + 1):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            if turn > 0:  # the first round warms the page cache
                seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    peer = medians["import torch, timm, BertModel"]
    print(f"{'command':32} {'median s':>9} {'peers/this':>11}")
    for name, median in medians.items():
        print(f"{name:32} {median:9.3f} {peer / median:11.1f}")


if __name__ == "__main__":
    main()
