"""Device and numeric precision."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from polymodal_core.errors import RunError
from polymodal_trainer.config import TrainingConfig
from polymodal_trainer.precision import choose_precision
from torch import nn


def chosen(**options: Any) -> Any:
    return choose_precision(TrainingConfig.model_validate(options))


def test_float32_leaves_the_forward_pass_alone() -> None:
    precision = chosen(device="cpu")
    assert precision.scaler is None
    with precision.autocast():
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype is torch.float32


def test_bf16_on_a_cpu() -> None:
    with chosen(device="cpu", precision="bf16").autocast():
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype is torch.bfloat16


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


@pytest.mark.usefixtures("no_gpu")
def test_auto_without_a_gpu_is_the_cpu_and_refuses_fp16() -> None:
    assert chosen().device == torch.device("cpu")
    with pytest.raises(RunError, match=r"\"fp16\" needs a GPU.*\"bf16\" or \"float32\""):
        chosen(precision="fp16")


@pytest.mark.usefixtures("no_gpu")
def test_missing_gpu_is_told_with_what_there_is() -> None:
    with pytest.raises(RunError, match=r"'cuda:1', but torch finds no CUDA devices here"):
        chosen(device="cuda:1")


def test_threads_are_set() -> None:
    before = torch.get_num_threads()
    try:
        chosen(device="cpu", threads=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
