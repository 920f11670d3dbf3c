"""Device and numeric precision of a run."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from polymodal_core.errors import RunError
from torch.amp.grad_scaler import GradScaler

from polymodal_trainer.config import TrainingConfig

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Precision:
    """Where and in what numbers a model runs; `scaler` keeps fp16 gradients from underflowing."""

    device: torch.device
    dtype: torch.dtype | None
    scaler: GradScaler | None

    def autocast(self) -> AbstractContextManager[object]:
        """Give the context of the forward pass."""
        if self.dtype is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)


def choose_precision(config: TrainingConfig) -> Precision:
    """Choose the device and set torch up for it.

    Raises RunError for a device that this machine lacks, and for fp16 without a GPU.
    """
    device = _device(config.device)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    if config.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False
    if config.precision == "fp16" and device.type == "cpu":
        raise RunError(
            'training.precision = "fp16" needs a GPU, and this machine has none that torch can '
            'use; choose "bf16" or "float32"'
        )
    scaler = GradScaler(device.type) if config.precision == "fp16" else None
    return Precision(device, DTYPES.get(config.precision), scaler)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    count = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= count:
        raise RunError(
            f"training.device = '{name}', but torch finds {count or 'no'} CUDA "
            f'device{"s" if count != 1 else ""} here; choose "auto" or "cpu"'
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise RunError(f"training.device = '{name}' is not available here; choose \"auto\"")
    return device
