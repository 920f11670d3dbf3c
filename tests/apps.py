"""Running the apps as a user does: their scripts, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

BIN = Path(sys.executable).parent


def run_app(
    *command: str,
    cwd: Path,
    path: Path | None = None,
    environment: Mapping[str, str] | None = None,
    status: int = 0,
) -> subprocess.CompletedProcess[str]:
    """Run a script of the environment (`polymodal-pack`), with `path` first on the import path."""
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "160", **(environment or {})}
    if path is not None:
        variables["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=cwd,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, f"{command} ended with {done.returncode}:\n{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    return done
