from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.batch import Features, Inputs
from polymodal_core.errors import UnknownNameError
from polymodal_core.model import Model
from polymodal_core.protocols import Modality
from polymodal_eval.space import corruption_generator, encode_values, unit_means
from torch import nn

from tests.eval.worlds import embedding_table, row_table, space_of


class Words(Modality):
    def pack(self, value: str, root: str | None) -> bytes:
        return value.encode()

    def decode(self, payload: bytes) -> str:
        return payload.decode()

    def show(self, value: str) -> str:
        return value

    def spec(self) -> dict[str, Any]:
        return {}

    def transform(self, value: str, *, training: bool, shared: Any, own: Any) -> int:
        assert not training
        return len(value)

    def collate(self, examples: Sequence[int]) -> Inputs:
        return torch.tensor(examples)


class Lengths(nn.Module):
    feature_dim = 4

    def forward(self, inputs: torch.Tensor) -> Features:
        return Features(torch.nn.functional.one_hot(inputs, 4).float())


def test_damage_is_drawn_by_item_and_kind_and_not_by_severity() -> None:
    draws = {
        (seed, name, item): corruption_generator(seed, name, item).random()
        for seed in (0, 1)
        for name in ("noise", "holes")
        for item in (0, 5)
    }
    assert len(set(draws.values())) == len(draws)
    assert corruption_generator(1, "holes", 5).random() == draws[1, "holes", 5]


def test_values_are_transformed_as_at_evaluation_and_embedded_in_order() -> None:
    model = Model({"text": Lengths()}, {"text": nn.Identity()}, dim=4)

    found = encode_values(model, Words(), "text", ["aa", "b", "ccc"], batch_size=2)

    assert found.argmax(1).tolist() == [2, 1, 3]


def test_unit_means_average_directions_and_renormalise() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float32)

    found = unit_means(vectors, np.array([0, 0, 2]), 3)

    np.testing.assert_allclose(found, [[0.5**0.5, 0.5**0.5], [0, 0], [0, 1]], rtol=1e-6)


def test_labels_are_sets_over_rows() -> None:
    table = row_table({"image": [0, 1, 1, 1, 2]}, label=[3, 1, 0, 1, -1])
    space = space_of(embedding_table({"image": np.eye(3)}, table))

    assert [part.tolist() for part in space.labels("image")] == [[3], [0, 1], []]


def test_an_unknown_column_is_named_with_split_and_nearest() -> None:
    space = space_of(embedding_table({"image": np.eye(1)}, row_table({"image": [0]})))

    assert space.column("image") == "image"
    with pytest.raises(UnknownNameError, match=r"split 'test' .* 'imagee'.*did you mean 'image'"):
        space.column("imagee")
