"""The `[training]` section."""

from __future__ import annotations

from typing import Any

import pytest
from polymodal_core.problems import problems_of
from polymodal_trainer.config import TrainingConfig
from pydantic import ValidationError


def problems(**options: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        TrainingConfig.model_validate(options)
    found = problems_of(caught.value, TrainingConfig, options, path="training")
    return [str(problem) for problem in found]


@pytest.mark.parametrize("warmup", [-1, 1.0, 1.5, -0.1, "100", True])
def test_warmup_that_is_neither_steps_nor_share(warmup: Any) -> None:
    (problem,) = problems(warmup=warmup)
    assert problem.startswith("training.warmup: ")
    assert "a number of steps (100) or a share of all below 1 (0.05)" in problem
    assert repr(warmup) in problem


@pytest.mark.parametrize("every", [0, -5, "step", 2.5, True])
def test_checkpoint_every_that_is_neither_epoch_nor_steps(every: Any) -> None:
    (problem,) = problems(checkpoint_every=every)
    assert problem.startswith("training.checkpoint_every: ")
    assert '"epoch" or a number of steps' in problem


def test_warmup_keeps_its_meaning() -> None:
    assert isinstance(TrainingConfig(warmup=3).warmup, int)
    assert isinstance(TrainingConfig(warmup=0.5).warmup, float)


def test_fp16_on_a_cpu_is_refused_with_words() -> None:
    (problem,) = problems(precision="fp16", device="cpu")
    assert 'precision "fp16" needs a GPU; on a CPU choose "bf16" or "float32"' in problem


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cpu:1", "", "CUDA"])
def test_unknown_device_is_refused_with_what_is_accepted(device: str) -> None:
    (problem,) = problems(device=device)
    assert "accepted: auto, cpu, mps, cuda, cuda:0" in problem
    assert repr(device) in problem


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:3", "mps"])
def test_known_devices(device: str) -> None:
    assert TrainingConfig(device=device).device == device


def test_misspelt_key_is_answered_with_the_nearest() -> None:
    (problem,) = problems(epoch=3)
    assert "did you mean 'epochs'?" in problem


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("lr_heads", -1e-3),
        ("lr_backbones", float("nan")),
        ("clip", -1.0),
        ("epochs", 0),
        ("keep", 0),
        ("betas", (0.9, 1.0)),
        ("floor", 1.5),
        ("threads", 0),
        ("patience", -1),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(key: str, value: Any) -> None:
    assert all(problem.startswith(f"training.{key}") for problem in problems(**{key: value}))
