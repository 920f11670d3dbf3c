"""Checkpoints: tensors in safetensors, everything else plain JSON; never a pickle."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polymodal_core.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor, nn

TENSORS = "tensors.safetensors"
STATE = "state.json"


@dataclass(frozen=True)
class Checkpoint:
    """Named groups of tensors (`model`, `optimizer`, ...) and plain-data state."""

    tensors: Mapping[str, Mapping[str, Tensor]]
    state: Mapping[str, Any]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint folder atomically: `path` holds all of it or does not exist.

    Raises CheckpointError where it cannot be written (a full disk), leaving nothing behind.
    """
    from safetensors.torch import save_file

    partial, former = (path.with_name(f".{path.name}.{end}") for end in ("partial", "former"))
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        save_file(_flat(checkpoint.tensors), partial / TENSORS)
        (partial / STATE).write_text(json.dumps(checkpoint.state, indent=1), encoding="utf-8")
        for name in (TENSORS, STATE):
            _sync(partial / name)
        shutil.rmtree(former, ignore_errors=True)
        if path.exists():  # out of the way in one step: a kill leaves one of them whole
            path.rename(former)
        partial.rename(path)
        _sync(path.parent)
        shutil.rmtree(former, ignore_errors=True)
    except Exception as error:  # safetensors raises its own class for a full disk
        shutil.rmtree(partial, ignore_errors=True)
        raise CheckpointError(f"{path}: could not write the checkpoint: {error}") from error


def _flat(groups: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    # safetensors refuses tensors that share memory, as tied weights do: each gets its own.
    flat: dict[str, Tensor] = {}
    seen: set[int] = set()
    for group, tensors in groups.items():
        for name, tensor in tensors.items():
            own = tensor.detach().cpu().contiguous()
            address = own.untyped_storage().data_ptr()
            flat[f"{group}/{name}"] = own.clone() if address in seen else own
            seen.add(address)
    return flat


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint folder; raises CheckpointError that names what is missing or damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    for name in (TENSORS, STATE):
        if not (path / name).is_file():
            raise CheckpointError(f"{path}: no checkpoint here ({name} is missing)")
    try:
        flat = load_file(path / TENSORS)
        state = json.loads((path / STATE).read_text(encoding="utf-8"))
    except (SafetensorError, ValueError, OSError) as error:
        raise CheckpointError(f"{path}: damaged checkpoint: {error}") from error
    tensors: dict[str, dict[str, Tensor]] = {}
    for key, tensor in flat.items():
        group, _, name = key.partition("/")
        tensors.setdefault(group, {})[name] = tensor
    return Checkpoint(tensors, state)


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor], *, source: str) -> None:
    """Load tensors into a module, exactly; raises CheckpointError with what does not fit."""
    own = module.state_dict()
    problems = [f"missing {name}" for name in own.keys() - tensors.keys()]
    problems += [f"unexpected {name}" for name in tensors.keys() - own.keys()]
    problems += [
        f"{name} is {list(tensors[name].shape)}, the model has {list(own[name].shape)}"
        for name in own.keys() & tensors.keys()
        if own[name].shape != tensors[name].shape
    ]
    if problems:
        shown = "; ".join(sorted(problems)[:5]) + ("; ..." if len(problems) > 5 else "")
        raise CheckpointError(
            f"{source} does not fit this model ({len(problems)} differences): {shown}. It was "
            f"probably written by other versions of the plug-ins; the run's environment.json "
            f"lists them"
        )
    module.load_state_dict(dict(tensors))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
