"""What may change between the parts of a run."""

from __future__ import annotations

import re
from typing import Any

import pytest
from polymodal_core.errors import RunError
from polymodal_trainer.differences import check_same_recipe

RECIPE: dict[str, Any] = {
    "seed": 0,
    "data": {"store": "data/rooms", "workers": 0, "batch_size": 128},
    "modalities": {"image": {"kind": "image", "encoder": {"kind": "timm", "weights": "a/w.bin"}}},
    "training": {"epochs": 20, "device": "auto", "betas": [0.9, 0.98]},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    import copy

    table = copy.deepcopy(RECIPE)
    target = table
    *sections, key = path.split(".")
    for section in sections:
        target = target[section]
    target[key] = value
    return table


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.workers", 4),
        ("data.store", "/elsewhere/rooms2"),
        ("training.device", "cuda"),
        ("training.threads", 2),
        ("modalities.image.encoder.weights", "/moved/to/w.bin"),
    ],
)
def test_machine_and_moved_files_may_change(path: str, value: Any) -> None:
    check_same_recipe(RECIPE, changed(path, value), run="runs/x")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("training.epochs", 30),
        ("seed", 1),
        ("data.batch_size", 64),
        ("training.betas", [0.9, 0.999]),
        ("modalities.image.encoder.weights", "a/other.bin"),
        ("modalities.image.kind", "depth"),
        ("training.patience", 3),
    ],
)
def test_anything_else_is_refused_by_key_and_both_values(path: str, value: Any) -> None:
    with pytest.raises(RunError) as caught:
        check_same_recipe(RECIPE, changed(path, value), run="runs/x")
    message = str(caught.value)
    assert re.search(
        rf"^  {re.escape(path)}: .* in the run, {re.escape(repr(value))} now", message, re.M
    )
    assert "1 key differ" in message
    assert "polymodal-train run runs/x --resume" in message


def test_all_differences_are_listed_at_once() -> None:
    other = changed("training.epochs", 30)
    del other["seed"]
    with pytest.raises(RunError) as caught:
        check_same_recipe(RECIPE, other, run="runs/x")
    assert "  seed: 0 in the run, left out now" in str(caught.value)
    assert "  training.epochs: 20 in the run, 30 now" in str(caught.value)
