"""Nearest others, against a search pair by pair in float64."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import RunError
from polymodal_datasets import neighbours as module
from polymodal_datasets.known_matches import KnownMatches
from polymodal_datasets.neighbours import Search, check_search, nearest_neighbours

COLUMNS = ("image", "text", "depth")
SEARCHES: list[Search] = ["exact", "faiss"]


def made(count: int, *, missing: float = 0.3, seed: int = 0) -> dict[str, Any]:
    """Vectors, items (some shared, some missing) and known matches of random rows."""
    rng = np.random.default_rng(seed)
    vectors, items = {}, {}
    for column in COLUMNS:
        z = rng.normal(size=(count // 2, 8))
        vectors[column] = (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32)
        held = rng.integers(0, count // 2, count)
        items[column] = np.where(rng.random(count) < missing, -1, held)
    group = rng.integers(-1, 6, count)
    ids = [group] + [
        np.where(items[c] >= 0, 10 + count * n + items[c], -1) for n, c in enumerate(COLUMNS)
    ]
    return {
        "vectors": vectors,
        "items": items,
        "matches": KnownMatches(np.stack(ids, axis=1), np.ones(4, dtype=np.bool_)),
    }


def reference(data: dict[str, Any], row: int) -> dict[int, float]:
    """Mean cosine of every other that is no known match and shares a column."""
    found = {}
    ids = data["matches"].ids
    for other in range(len(ids)):
        if other == row or any(a == b >= 0 for a, b in zip(ids[row], ids[other], strict=True)):
            continue
        cosines = [
            float(
                np.dot(
                    *(data["vectors"][c][data["items"][c][n]].astype(float) for n in (row, other))
                )
            )
            for c in COLUMNS
            if data["items"][c][row] >= 0 and data["items"][c][other] >= 0
        ]
        if cosines:
            found[other] = sum(cosines) / len(cosines)
    return found


def test_exact_search_is_that_of_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TILE", 7 * 60)  # several tiles, the last one cut off
    data = made(60)
    done: list[int] = []
    found = nearest_neighbours(**data, k=12, advance=done.append)
    assert sum(done) == 60
    for row in range(60):
        expected = reference(data, row)
        best = sorted(expected.values(), reverse=True)[:12]
        known = found.places[row] >= 0
        assert known.sum() == min(12, len(expected))
        np.testing.assert_allclose(found.scores[row][known], best, atol=1e-6)
        for place, score in zip(found.places[row][known], found.scores[row][known], strict=True):
            assert expected[int(place)] == pytest.approx(score, abs=1e-6)
        assert len(set(found.places[row][known].tolist())) == known.sum()


@pytest.mark.parametrize("lists_from", [20_000, 100])
def test_faiss_finds_nearly_all_of_them(monkeypatch: pytest.MonkeyPatch, lists_from: int) -> None:
    pytest.importorskip("faiss")
    monkeypatch.setattr(module, "LISTS_FROM", lists_from)
    data = made(1000, missing=0.0)
    exact = nearest_neighbours(**data, k=10)
    found = nearest_neighbours(**data, k=10, search="faiss")
    again = nearest_neighbours(**data, k=10, search="faiss")
    assert found.places.tolist() == again.places.tolist()
    for row in range(0, 1000, 50):
        expected = reference(data, row)
        for place, score in zip(found.places[row], found.scores[row], strict=True):
            assert expected[int(place)] == pytest.approx(score, abs=1e-5)
    same = [
        len({*a} & {*b}) for a, b in zip(exact.places.tolist(), found.places.tolist(), strict=True)
    ]
    assert sum(same) > 0.9 * exact.places.size


@pytest.mark.parametrize("search", SEARCHES)
def test_fewer_others_than_wanted(search: Search) -> None:
    if search == "faiss":
        pytest.importorskip("faiss")
    found = nearest_neighbours(**made(8), k=50, search=search)
    assert found.places.shape == found.scores.shape == (8, 50)
    assert (found.places[:, 7:] == -1).all()
    assert (found.scores[found.places < 0] == 0).all()


def test_missing_faiss_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    check_search("exact")
    with pytest.raises(RunError, match=r"needs faiss.*pip install.*\[faiss\].*choose \"exact\""):
        check_search("faiss")
