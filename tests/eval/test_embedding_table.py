from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.batch import Features
from polymodal_core.errors import RunError
from polymodal_core.model import Model
from polymodal_eval.embedding_table import embed_table, items_to_embed
from torch import nn

from tests.eval.worlds import row_table


class Lookup(nn.Module):
    """Gives each store item the unit vector of its number."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_dim = 8
        self.training_seen: list[bool] = []

    def forward(self, inputs: Any) -> Features:
        self.training_seen.append(self.training)
        return Features(torch.nn.functional.one_hot(inputs["number"][0], 8).double())


def model_of(*columns: str) -> Model:
    return Model(
        {name: Lookup() for name in columns}, {name: nn.Identity() for name in columns}, dim=8
    )


def batches(column: str, items: np.ndarray[Any, Any]) -> Iterable[Any]:
    for start in range(0, len(items), 2):
        yield {"number": [torch.from_numpy(items[start : start + 2])]}


def test_every_item_is_embedded_once_and_rows_point_at_it() -> None:
    # Store numbers with gaps; the item of rows 0 and 2 is one, as a picture with two captions is.
    table = row_table({"image": [6, 3, 6, -1], "text": [1, 2, 4, 7]}, instance=[0, 1, 0, 2])
    heard: list[int] = []

    found = embed_table(model_of("image", "text"), table, batches, advance=heard.append)

    assert found.item_numbers["image"].tolist() == [3, 6]
    assert found.vectors["image"].argmax(1).tolist() == [3, 6]
    assert found.vectors["image"].dtype == np.float32
    assert found.table.items["image"].tolist() == [1, 0, 1, -1]
    assert found.table.items["text"].tolist() == [0, 1, 2, 3]
    assert found.vectors["text"].argmax(1).tolist() == [1, 2, 4, 7]
    assert found.table.instance.tolist() == [0, 1, 0, 2]
    assert sum(heard) == 6


def test_columns_without_items_or_without_a_model_are_left_out() -> None:
    table = row_table(
        {"image": [0, 1], "depth": [-1, -1], "text": [0, 1]}, of_classes=["depth", "image"]
    )

    found = embed_table(model_of("image", "depth", "sound"), table, batches)

    assert found.columns == ["image"]
    assert set(found.table.items) == {"image"}
    assert found.table.of_classes == {"image"}
    assert set(items_to_embed(["image", "depth", "sound"], table)) == {"image"}


def test_the_model_is_used_in_eval_mode_and_given_back_as_it_was() -> None:
    model = model_of("image").train()

    embed_table(model, row_table({"image": [0, 1, 2]}), batches)

    encoder: Any = model.encoders["image"]
    assert encoder.training_seen == [False, False]
    assert model.training


def test_the_mode_is_restored_when_loading_fails() -> None:
    def broken(column: str, items: Any) -> Iterable[Any]:
        raise RuntimeError("disk")

    model = model_of("image").train()
    with pytest.raises(RuntimeError, match="disk"):
        embed_table(model, row_table({"image": [0]}), broken)
    assert model.training


def test_vectors_that_are_not_finite_name_column_and_item() -> None:
    class Diverged(nn.Module):
        def forward(self, vectors: torch.Tensor) -> torch.Tensor:
            return torch.where(vectors[:, 5:6] > 0, torch.nan, vectors)

    model = Model({"image": Lookup()}, {"image": Diverged()}, dim=8)

    with pytest.raises(RunError, match=r"'image': .* 1 of 3 items, first for item 5"):
        embed_table(model, row_table({"image": [1, 5, 2]}), batches)


def test_a_loader_that_loses_items_is_found_out() -> None:
    def short(column: str, items: np.ndarray[Any, Any]) -> Iterable[Any]:
        return list(batches(column, items))[:-1]

    with pytest.raises(RunError, match="'image': 2 items were loaded; wanted 3"):
        embed_table(model_of("image"), row_table({"image": [0, 1, 2]}), short)
