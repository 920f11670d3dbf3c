from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from polymodal_datasets.config import DataConfig, HardConfig
from pydantic import ValidationError


def test_defaults() -> None:
    data = DataConfig(store=Path("data/rooms"))
    assert (data.train, data.validation, data.test) == ("train", "validation", "test")
    assert data.validation_size is None
    assert (data.batch_size, data.workers, data.limit) == (128, 0, None)
    assert data.hard is None


def test_hard_batches_by_default() -> None:
    hard = DataConfig.model_validate({"store": "s", "hard": {}}).hard
    assert hard is not None
    assert (hard.share, hard.temperature, hard.neighbours) == (0.5, (1.0, 0.1), 50)
    assert (hard.refresh, hard.refresh_unit, hard.search) == (1, "epochs", "exact")


def test_steps_between_searches_have_to_be_said() -> None:
    hard = HardConfig.model_validate({"refresh": 200, "refresh_unit": "steps"})
    assert (hard.refresh, hard.refresh_unit) == (200, "steps")
    with pytest.raises(
        ValidationError, match=r"needs the number of optimiser steps .* refresh = 200"
    ):
        HardConfig.model_validate({"refresh_unit": "steps"})


@pytest.mark.parametrize(("size", "kind"), [(500, int), (1, int), (0.1, float), (0.999, float)])
def test_validation_size_is_a_number_or_a_share(size: Any, kind: type) -> None:
    data = DataConfig(store=Path("s"), validation_size=size)
    assert data.validation_size == size
    assert type(data.validation_size) is kind
    again = DataConfig.model_validate(data.model_dump(mode="json"))
    assert type(again.validation_size) is kind


@pytest.mark.parametrize(
    "options",
    [
        {"validation_size": 0},
        {"validation_size": 1.5},
        {"validation_size": 1.0},
        {"validation_size": -3},
        {"validation_size": True},
        {"validation_size": "half"},
        {"validation_by": "row"},
        {"batch_size": 0},
        {"workers": -1},
        {"modality_dropout": 1.0},
        {"modality_dropout": -0.1},
        {"limit": 0},
        {"shuffle": True},
        {"hard": {"share": 1.0}},
        {"hard": {"share": -0.1}},
        {"hard": {"temperature": [1.0, 0.0]}},
        {"hard": {"temperature": [1.0]}},
        {"hard": {"neighbours": 0}},
        {"hard": {"refresh": 0}},
        {"hard": {"refresh": 5, "refresh_unit": "batches"}},
        {"hard": {"search": "annoy"}},
    ],
)
def test_impossible_values_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DataConfig(store=Path("s"), **options)


def test_validating_a_recipe_needs_neither_torch_nor_numpy() -> None:
    code = (
        "import sys; from polymodal_datasets.config import DataConfig; DataConfig(store='s'); "
        "print([name for name in ('torch', 'numpy', 'lmdb') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
