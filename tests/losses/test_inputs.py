"""The border of every pairwise objective."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from polymodal_core.errors import PolymodalError
from polymodal_losses.inputs import check_inputs

Z = {"image": torch.zeros(4, 3), "text": torch.zeros(4, 3)}


def test_missing_presence_means_present_everywhere() -> None:
    rows = torch.tensor([True, False, True, True])
    inputs = check_inputs(Z, present={"image": rows})
    assert torch.equal(inputs.present["image"], rows)
    assert inputs.present["text"].all()
    assert inputs.groups is None


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_groups_of_any_integer_dtype_are_kept(dtype: torch.dtype) -> None:
    inputs = check_inputs(Z, groups=torch.tensor([7, 0, 7, 1], dtype=dtype))
    assert inputs.groups is not None
    assert inputs.groups.tolist() == [7, 0, 7, 1]


def test_negative_groups_each_become_a_group_of_their_own() -> None:
    inputs = check_inputs(Z, groups=torch.tensor([-1, 3, -1, -9]))
    assert inputs.groups is not None
    assert len(set(inputs.groups.tolist())) == 4
    assert inputs.groups[1] == 3
    assert bool((inputs.groups[[0, 2, 3]] < 0).all())  # never an id that a caller could have given


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        ((torch.float16, torch.bfloat16), torch.float32),
        ((torch.float32, torch.bfloat16), torch.float32),
        ((torch.float64, torch.float32), torch.float64),
    ],
)
def test_everything_is_computed_in_one_precision(
    dtypes: tuple[torch.dtype, torch.dtype], expected: torch.dtype
) -> None:
    given = {name: z.to(dtype) for (name, z), dtype in zip(Z.items(), dtypes, strict=True)}
    inputs = check_inputs(given)
    assert inputs.dtype == expected
    assert {z.dtype for z in inputs.embeddings.values()} == {expected}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"embeddings": {}}, "embeddings is empty"),
        ({"embeddings": {"image": [1.0]}}, r"embeddings\['image'\] is \[1.0\] of type list"),
        (
            {"embeddings": {"image": torch.zeros(4, 3, dtype=torch.int64)}},
            r"embeddings\['image'\] is a tensor of torch.int64 with shape \[4, 3\]; wanted a float",
        ),
        ({"embeddings": {"image": torch.zeros(4)}}, r"embeddings\['image'\] has shape \[4\]"),
        (
            {"embeddings": Z | {"depth": torch.zeros(5, 3)}},
            r"embeddings\['depth'\] has shape \[5, 3\]: axis 'batch' is 5; wanted 4",
        ),
        (
            {"embeddings": Z | {"depth": torch.zeros(4, 2)}},
            r"embeddings\['depth'\] has shape \[4, 2\]: axis 'dim' is 2; wanted 3",
        ),
        (
            {"present": {"imagee": torch.ones(4, dtype=torch.bool)}},
            r"present names column 'imagee'.*did you mean 'image'\? known: image, text",
        ),
        (
            {"present": {"image": torch.ones(4)}},
            r"present\['image'\] is a tensor of torch.float32 with shape \[4\]; wanted a bool",
        ),
        ({"present": {"image": True}}, r"present\['image'\] is True of type bool; wanted a bool"),
        (
            {"present": {"image": torch.ones(3, dtype=torch.bool)}},
            r"present\['image'\] has shape \[3\]: axis 'batch' is 3; wanted 4",
        ),
        (
            {"present": {"image": torch.ones(4, 1, dtype=torch.bool)}},
            r"present\['image'\] has shape \[4, 1\]; wanted axes \[batch\]",
        ),
        ({"groups": torch.zeros(4)}, r"groups is a tensor of torch.float32.*integer"),
        ({"groups": torch.ones(4, dtype=torch.bool)}, r"groups is a tensor of torch.bool"),
        ({"groups": [0, 1, 2, 3]}, r"groups is \[0, 1, 2, 3\] of type list"),
        (
            {"groups": torch.zeros(5, dtype=torch.int64)},
            r"groups has shape \[5\]: axis 'batch' is 5; wanted 4",
        ),
    ],
)
def test_bad_input_is_refused_with_what_was_given(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(PolymodalError, match=message):
        check_inputs(**({"embeddings": Z} | arguments))
