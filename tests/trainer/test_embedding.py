"""Embeddings of a run's rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from polymodal_core.plugins import registry
from polymodal_trainer.embedding import embed_rows, num_items
from polymodal_trainer.resolve import read_recipe
from polymodal_trainer.start import build


def test_every_item_of_the_rows_is_embedded_as_in_an_evaluation(recipe: Path) -> None:
    setup = build(read_recipe(recipe, [], registry=registry()), registry=registry(), source="tiny")
    rows = setup.splits.train[:20]
    done: list[int] = []
    found = embed_rows(setup, rows, advance=done.append)
    held = setup.store.table.select(rows).items
    for column, vectors in found.vectors.items():
        items = np.unique(held[column][held[column] >= 0])
        assert found.item_numbers[column].tolist() == items.tolist()
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert sum(done) == num_items(setup, rows) == sum(len(z) for z in found.vectors.values())
    # Dropout is off, and training goes on as it was.
    again = embed_rows(setup, rows)
    assert all((again.vectors[name] == z).all() for name, z in found.vectors.items())
    assert setup.model.training
