"""What a run depended on: versions, plug-ins, commit, machine, store."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from polymodal_core.model import Model
from polymodal_core.plugins import Registry
from torch import nn

FIRST_PARTY = ("polymodal-core", "polymodal-datasets", "polymodal-eval", "polymodal-trainer")


def plugin_versions(registry: Registry) -> dict[str, str]:
    """Give the version of every distribution that provides plug-ins, and of the packages here."""
    names = {item.distribution for item in registry.registrations.values()} | {*FIRST_PARTY}
    return {name: _version(name) for name in sorted(names)}


def machine(*, threads: int, device: str) -> dict[str, Any]:
    """Describe the machine as far as it can change a result or a duration."""
    return {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cpus": os.cpu_count(),
        "threads": threads,
        "device": device,
    }


def session() -> dict[str, Any]:
    """Describe this call of the program: when, what was typed, which commit it was typed in."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["polymodal-train", *sys.argv[1:]]),
        "git_commit": git_commit(),
        "python": platform.python_version(),
        "torch": _version("torch"),
    }


def git_commit() -> str | None:
    """Give the commit of the working directory, `-dirty` where files changed; None outside git."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return described.stdout.strip() or None


def parameter_counts(model: Model) -> dict[str, dict[str, int]]:
    """Count the parameters of each column's encoder (its owner's) and head, and the trainable."""
    counts = {}
    for column in model.columns:
        encoder, head = model_parts(model, column)
        shared = model.owners[column] != column
        counts[column] = {
            "encoder": 0 if shared else _count(encoder),
            "head": _count(head),
            "trainable": _count(head, trainable=True)
            + (0 if shared else _count(encoder, trainable=True)),
        }
    return counts


def fusion_parameters(model: Model) -> int:
    """Count the parameters of the fusion, 0 where there is none."""
    return 0 if model.fusion is None else _count(model.fusion)


def model_parts(model: Model, column: str) -> tuple[nn.Module, nn.Module]:
    """Give the encoder and the head of a column."""
    heads = {key.removesuffix("_"): module for key, module in model.heads.items()}
    encoders = {key.removesuffix("_"): module for key, module in model.encoders.items()}
    return encoders[model.owners[column]], heads[column]


def _count(module: nn.Module, *, trainable: bool = False) -> int:
    return sum(item.numel() for item in module.parameters() if item.requires_grad or not trainable)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"
