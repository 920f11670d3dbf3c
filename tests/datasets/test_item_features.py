"""Features of single items: split off a batch, and joined again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.batch import Features
from polymodal_datasets.feature_store import FeatureStore
from polymodal_datasets.frozen_features import FrozenFeatures
from polymodal_datasets.item_features import FeatureTable, ItemFeatures, split_features

MASK = torch.tensor([[True, True, False, False], [True, False, True, False], [False] * 4])


def given() -> Features:
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(3, 4, 2, generator=generator)
    tokens[~MASK] = torch.nan
    return Features(torch.randn(3, 2, generator=generator), tokens, MASK)


def test_what_was_split_is_joined_again_without_padding() -> None:
    features = given()
    items = split_features(features, tokens=True)
    assert [len(item.mask) for item in items if item.mask is not None] == [2, 3, 1]
    found = FeatureTable.of(items).gather([1, 0, 2, 1])
    order = [1, 0, 2, 1]
    assert features.tokens is not None
    assert found.tokens is not None
    assert found.mask is not None
    assert torch.equal(found.pooled, features.pooled[order])
    assert torch.equal(found.mask, MASK[order, :3])
    assert torch.equal(found.tokens[found.mask], features.tokens[order][:, :3][found.mask])
    assert not found.tokens[~found.mask].any()


def test_tokens_are_left_out_where_nothing_reads_them() -> None:
    items = split_features(given(), tokens=False)
    assert all(item.tokens is None for item in items)
    assert FeatureTable.of(items).gather([0]).tokens is None


def test_an_encoder_without_tokens_has_none_afterwards() -> None:
    items = split_features(Features(torch.ones(2, 3)), tokens=True)
    found = FeatureTable.of(items).gather([1, 0])
    assert found.tokens is None
    assert found.mask is None
    assert found.pooled.shape == (2, 3)


def test_no_mask_means_that_all_tokens_are_real() -> None:
    features = Features(torch.ones(2, 3), torch.arange(12.0).reshape(2, 2, 3))
    found = FeatureTable.of(split_features(features, tokens=True)).gather([0, 1])
    assert found.mask is not None
    assert found.mask.all()
    assert features.tokens is not None
    torch.testing.assert_close(found.tokens, features.tokens)


def test_tokens_may_have_several_axes() -> None:
    tokens = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[True, False, True], [True, False, False]])
    found = FeatureTable.of(
        split_features(Features(tokens.mean(1), tokens, mask), tokens=True)
    ).gather([1, 0])
    assert found.tokens is not None
    assert found.tokens.shape == (2, 3, 4, 5)
    assert torch.equal(found.tokens[1, 2], tokens[0, 2])


def test_cells_stay_a_grid_whatever_their_mask() -> None:
    tokens = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[True] * 5, [True, True, False, False, False]])
    features = Features(tokens.mean(1), tokens, mask, grid=(2, 2))
    items = split_features(features, tokens=True)
    found = FeatureTable.of(items).gather([1, 0])
    assert found.grid == (2, 2)
    assert found.mask is not None
    assert torch.equal(found.mask, mask[[1, 0]])


def test_rows_of_different_grids_have_none() -> None:
    def items(grid: tuple[int, int]) -> list[ItemFeatures]:
        tokens = torch.ones(1, grid[0] * grid[1], 3)
        return split_features(Features(tokens.mean(1), tokens, grid=grid), tokens=True)

    table = FeatureTable.of([*items((2, 3)), *items((3, 2)), *items((1, 2)), *items((2, 3))])
    assert table.gather([0, 3]).grid == (2, 3)
    assert table.gather([0, 1]).grid is None
    assert table.gather([0, 2]).grid is None


class Payloads:
    """A store of one column, whose items are their numbers."""

    def read(self, column: str, items: Any) -> list[bytes]:
        return [bytes([int(item)]) for item in items]


@pytest.mark.parametrize("kind", ["sequence", "grid", "without tokens"])
def test_tokens_are_kept_beside_pooled_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    plain = given()
    features = {
        "sequence": plain,
        "grid": Features(plain.pooled, plain.tokens, plain.mask, grid=(2, 2)),
        "without tokens": Features(plain.pooled),
    }[kind]
    computed: list[int] = []

    def load(store: Any, column: str, modality: Any, items: list[int], **_: Any) -> Any:
        if items:
            yield torch.tensor(items)

    def encode(inputs: Any) -> Features:
        computed.extend(inputs.tolist())
        tokens = None if features.tokens is None else features.tokens[inputs]
        mask = None if tokens is None else MASK[inputs]
        return Features(features.pooled[inputs], tokens, mask, grid=features.grid)

    monkeypatch.setattr("polymodal_datasets.frozen_features.load_items", load)

    def found(*, tokens: bool) -> list[ItemFeatures]:
        with FeatureStore(tmp_path / "f") as kept:
            frozen: Any = FrozenFeatures(
                Payloads(),  # type: ignore[arg-type]
                "column",
                None,  # type: ignore[arg-type]
                b"m" * 16,
                kept,
                encode,
                lambda _: None,
                batch_size=8,
                tokens=tokens,
            )
            return list(frozen.of(np.arange(3)).values())

    found(tokens=False)
    assert computed == [0, 1, 2]
    first = found(tokens=True)  # pooled features are there, tokens are not
    assert computed == [0, 1, 2, 0, 1, 2]
    second = found(tokens=True)
    assert [item.tokens is None for item in found(tokens=False)] == [True] * 3
    assert len(computed) == 6
    for one, other, expected in zip(
        first, second, split_features(features, tokens=True), strict=True
    ):
        for item in (one, other):
            assert item.tokens is not None
            assert expected.tokens is not None
            np.testing.assert_array_equal(item.pooled, expected.pooled)
            np.testing.assert_array_equal(item.tokens, expected.tokens)
            np.testing.assert_array_equal(item.mask, expected.mask)
            np.testing.assert_array_equal(item.grid, expected.grid)
    assert FeatureTable.of(second).gather([0, 1, 2]).grid == features.grid
