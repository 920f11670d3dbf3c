from __future__ import annotations

import pytest
import torch
from polymodal_eval.counting import (
    count_few,
    count_many,
    gathered_scores,
    pair_scores,
    rounding_bound,
)


def unit(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(*shape, generator=generator), dim=1)


@pytest.mark.parametrize("block", [1000, 13])
@pytest.mark.parametrize("spread", [1.0, 1e-6])  # 1e-6: a collapsed space, all is doubtful
def test_both_ways_count_what_float64_scores_reach(block: int, spread: float) -> None:
    centre = unit(1, 32, seed=9)
    queries = torch.nn.functional.normalize(centre + spread * unit(20, 32, seed=1), dim=1)
    gallery = torch.nn.functional.normalize(centre + spread * unit(90, 32, seed=2), dim=1)
    scores = queries.double() @ gallery.double().T
    edges = scores[:, [4, 40, 7]] - 1e-9
    edges[3, 1] = torch.inf
    wanted = (scores[:, :, None] >= edges[:, None, :]).sum(1)

    assert torch.equal(count_few(queries, gallery, edges, block=block), wanted)
    assert torch.equal(count_many(queries, gallery, edges, block=block), wanted)


def test_scores_of_pairs_are_the_same_either_way() -> None:
    queries, gallery = unit(6, 16, seed=1), unit(9, 16, seed=2)
    rows, items = torch.tensor([0, 0, 3, 5]), torch.tensor([8, 1, 4, 0])
    wanted = (queries.double() @ gallery.double().T)[rows, items]

    torch.testing.assert_close(pair_scores(queries, gallery, rows, items), wanted)
    gathered = gathered_scores(queries, gallery, rows, items, block=4)
    torch.testing.assert_close(gathered, wanted)


def test_the_rounding_bound_holds_for_float32_products() -> None:
    for dim in (8, 256, 2048):
        queries, gallery = unit(200, dim, seed=3), unit(200, dim, seed=4)
        error = (queries @ gallery.T).double() - queries.double() @ gallery.double().T
        assert float(error.abs().max()) < rounding_bound(dim) < 2e-7 * dim
