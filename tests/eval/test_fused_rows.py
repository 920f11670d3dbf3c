"""Embeddings of rows by a model that fuses: several columns together, each combination once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.batch import Features
from polymodal_core.errors import RunError
from polymodal_core.fusion import Fused
from polymodal_core.heads import ProjectionHead
from polymodal_core.model import Model
from polymodal_eval.embedding_table import embed_table
from polymodal_eval.entries import entries_of
from polymodal_eval.fused_rows import FusedRows
from torch import Tensor, nn

from tests.eval.worlds import row_table

DIM = 6


class Sequence(nn.Module):
    """Gives item n a sequence of n % 3 + 1 tokens drawn from n; counts what it has encoded."""

    feature_dim = DIM

    def __init__(self) -> None:
        super().__init__()
        self.encoded = 0

    def forward(self, inputs: Tensor) -> Features:
        self.encoded += len(inputs)
        lengths = inputs % 3 + 1
        mask = torch.arange(int(lengths.max())) < lengths[:, None]
        tokens = torch.stack(
            [
                torch.randn(3, DIM, generator=torch.Generator().manual_seed(int(number)))
                for number in inputs
            ]
        )[:, : mask.shape[1]]
        return Features(tokens[:, 0], tokens, mask)


class Product(nn.Module):
    """Multiplies the columns of a row: what no mean of embeddings can do."""

    feature_dim = DIM

    def forward(
        self, features: Mapping[str, Features], rows: Mapping[str, Tensor], *, size: int
    ) -> Fused:
        together = torch.ones(size, DIM)
        for column, found in features.items():
            assert found.tokens is not None
            assert found.mask is not None
            sums = (found.tokens * found.mask[:, :, None]).sum(dim=1)
            together = together.index_put((rows[column],), together[rows[column]] * sums)
        return Fused({column: together[rows[column]] for column in features})


def model_of(*columns: str) -> Model:
    torch.manual_seed(0)
    heads = {
        name: ProjectionHead("linear", feature_dim=DIM, dim=DIM, hidden=DIM) for name in columns
    }
    return Model({name: Sequence() for name in columns}, heads, dim=DIM, fusion=Product()).eval()


def batches(column: str, items: np.ndarray[Any, Any]) -> Iterable[Tensor]:
    for start in range(0, len(items), 2):
        yield torch.from_numpy(items[start : start + 2])


TABLE = {"image": [3, 3, 8, -1, 9, 3], "text": [1, 2, 4, 7, -1, 1], "depth": [0, 5, 0, 0, 0, 5]}


def expected(model: Model, columns: list[str], items: list[int]) -> Any:
    features = {
        column: model.features(column, torch.tensor([item]))
        for column, item in zip(columns, items, strict=True)
    }
    with torch.no_grad():
        return model.combine(features)[0].numpy()


@pytest.mark.parametrize("cache_bytes", [1 << 20, 300, 0])
def test_entries_are_what_the_model_makes_of_a_row(cache_bytes: int) -> None:
    model = model_of(*TABLE)
    embeddings = embed_table(model, row_table(TABLE), batches)
    numbers = embeddings.item_numbers
    fuse = FusedRows(model, numbers, batches, cache_bytes=cache_bytes)
    embeddings = type(embeddings)(embeddings.vectors, numbers, embeddings.table, fuse)

    found = entries_of(embeddings, ("text", "image", "depth"))

    assert found.fused
    assert found.of_row.tolist() == [0, 2, 3, -1, -1, 1]
    for items, vector in zip(found.items, found.vectors, strict=True):
        held = [
            int(numbers[column][item]) for column, item in zip(found.columns, items, strict=True)
        ]
        wanted = expected(model, list(found.columns), held)
        np.testing.assert_allclose(vector, wanted, atol=1e-6)
        means = sum(
            embeddings.vectors[column][item]
            for column, item in zip(found.columns, items, strict=True)
        )
        assert abs(vector @ (means / np.linalg.norm(means)) - 1) > 1e-3


def test_single_columns_stay_items_seen_alone() -> None:
    model = model_of("image", "text")
    embeddings = embed_table(model, row_table(TABLE), batches)
    found = entries_of(embeddings, ("image",))
    assert not found.fused
    assert np.array_equal(found.vectors, embeddings.vectors["image"])
    for number, vector in zip(embeddings.item_numbers["image"], found.vectors, strict=True):
        np.testing.assert_allclose(vector, expected(model, ["image"], [int(number)]), atol=1e-6)


def test_items_are_encoded_once_for_all_combinations_and_each_is_fused_once() -> None:
    model = model_of(*TABLE)
    embeddings = embed_table(model, row_table(TABLE), batches)
    encoders: dict[str, Any] = dict(model.encoders)
    before = {name: encoder.encoded for name, encoder in encoders.items()}
    first = entries_of(embeddings, ("text", "image"))
    entries_of(embeddings, ("image", "depth"))
    again = entries_of(embeddings, ("image", "text"))
    counts = {name: len(numbers) for name, numbers in embeddings.item_numbers.items()}
    assert {name: encoders[name].encoded - before[name] for name in encoders} == counts
    assert len(first) == len(again) == 3
    order = np.lexsort(first.items[:, ::-1].T[::-1])
    np.testing.assert_allclose(again.vectors, first.vectors[order], atol=1e-6)
    assert entries_of(embeddings, ("image", "text")).vectors is again.vectors


def test_no_complete_row_gives_no_entry_and_the_model_keeps_its_mode() -> None:
    model = model_of("image", "text").train()
    table = row_table({"image": [1, -1], "text": [-1, 2]})
    found = entries_of(embed_table(model, table, batches), ("image", "text"))
    assert found.vectors.shape == (0, DIM)
    assert model.training


def test_vectors_that_are_not_finite_are_an_error() -> None:
    model = model_of("image", "text")
    embeddings = embed_table(model, row_table(TABLE), batches)
    with torch.no_grad():
        next(iter(model.heads["image"].parameters())).fill_(float("nan"))
    with pytest.raises(RunError, match="not finite for image \\+ text together"):
        entries_of(embeddings, ("text", "image"))


def test_a_model_without_fusion_combines_by_means() -> None:
    model = model_of("image", "text")
    plain = Model(dict(model.encoders), dict(model.heads), dim=DIM).eval()
    assert embed_table(plain, row_table(TABLE), batches).fuse is None
