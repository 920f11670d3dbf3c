"""The values that travel from store to loss."""

from __future__ import annotations

import torch
from polymodal_core.batch import Batch, Features, first_axis, take_values, to_device


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


def test_a_part_holds_the_values_of_its_rows() -> None:
    part = batch().part(1, 5)
    assert part.size == 4
    assert part.inputs["image"].shape == (2, 3, 8, 8)
    assert part.rows["image"].tolist() == [0, 1]
    assert part.inputs["text"]["ids"].shape == (1, 4)
    assert part.rows["text"].tolist() == [3]
    assert part.instance.tolist() == part.index.tolist() == [1, 2, 3, 4]


def test_parts_share_memory_and_leave_out_columns_without_a_value() -> None:
    whole = batch()
    part = whole.part(1, 3)
    assert "text" not in part.inputs
    assert "text" not in part.rows
    assert part.inputs["image"].data_ptr() == whole.inputs["image"][1].data_ptr()
    assert whole.part(4, 9).size == 1


def test_values_are_taken_however_nested() -> None:
    features = Features(torch.arange(3.0)[:, None], torch.ones(3, 2, 1), torch.ones(3, 2) > 0)
    given = {"a": [torch.arange(3), (torch.arange(3),)], "b": features}
    taken = take_values(given, torch.tensor([0, 2]))
    assert taken["a"][0].tolist() == taken["a"][1][0].tolist() == [0, 2]
    assert taken["b"].pooled.flatten().tolist() == [0.0, 2.0]
    assert (len(taken["b"].tokens), len(taken["b"].mask)) == (2, 2)
