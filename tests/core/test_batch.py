"""The values that travel from store to loss."""

from __future__ import annotations

import torch
from polymodal_core.batch import Batch, Features, first_axis, to_device


def batch() -> Batch:
    text = {"ids": torch.zeros(2, 4, dtype=torch.int64), "mask": torch.ones(2, 4, dtype=torch.bool)}
    cached = Features(torch.zeros(1, 3))
    return Batch(
        inputs={
            "image": torch.zeros(3, 3, 8, 8),
            "text": text,
            "several": [torch.zeros(2)],
            "old": cached,
        },
        rows={"image": torch.tensor([0, 1, 2]), "text": torch.tensor([0, 4])},
        instance=torch.arange(5),
        label=torch.full((5,), -1),
        index=torch.arange(5),
    )


def test_size_is_the_number_of_rows() -> None:
    assert batch().size == 5


def test_moving_moves_every_tensor_however_nested() -> None:
    moved = batch().to("meta")
    tensors = [
        moved.inputs["image"],
        moved.inputs["text"]["ids"],
        moved.inputs["text"]["mask"],
        moved.inputs["several"][0],
        moved.inputs["old"].pooled,
        *moved.rows.values(),
        moved.instance,
        moved.label,
        moved.index,
    ]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert moved.inputs["old"].tokens is None
    assert batch().instance.device.type == "cpu"


def test_the_first_axis_counts_the_values_present() -> None:
    found = {name: first_axis(value) for name, value in batch().inputs.items() if name != "old"}
    assert found == {"image": 3, "text": 2, "several": 2}


def test_to_device_keeps_the_structure() -> None:
    inputs = {"a": [torch.ones(1), (torch.zeros(2), "text")]}
    moved = to_device(inputs, torch.device("meta"))
    assert moved["a"][0].device.type == "meta"
    assert moved["a"][1][0].device.type == "meta"
    assert moved["a"][1][1] == "text"
