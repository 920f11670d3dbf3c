"""The one number that training watches."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from polymodal_core.errors import RunError

from polymodal_eval.classified_rows import classify_rows, row_items
from polymodal_eval.ranking import rank_queries
from polymodal_eval.relevance import relevance_of_columns

if TYPE_CHECKING:
    from polymodal_eval.classified_rows import Classify
    from polymodal_eval.embedding_table import EmbeddingTable


def average_validation(embeddings: EmbeddingTable) -> dict[str, float]:
    """R@1 of every ordered pair of columns (`image->text r@1`), and their mean as `mean`.

    A pair without a query that has a right answer is left out. Raises RunError where no pair is
    left: there would be nothing to choose a checkpoint by.
    """
    found = {}
    for query, gallery in permutations(embeddings.columns, 2):
        relevance = relevance_of_columns(embeddings.table, query, gallery)
        ranks = rank_queries(embeddings.vectors[query], embeddings.vectors[gallery], relevance)
        if ranks.answerable.any():
            found[f"{query}->{gallery} r@1"] = ranks.metrics((1,))["r@1"]
    if not found:
        raise RunError(
            f"no pair of the columns {', '.join(embeddings.columns) or '(none)'} has a query with "
            f"a right answer in the validation split: no row there holds two of them, and no "
            f"instance or label joins their rows"
        )
    return {"mean": sum(found.values()) / len(found), **found}


def average_accuracy(embeddings: EmbeddingTable, classify: Classify) -> dict[str, float]:
    """Accuracy of each column alone (`image accuracy`), and of whole rows as `mean`.

    Over the labelled rows that have the column, or any; equal rows count each. Raises RunError
    where no row has a label.
    """
    label = embeddings.table.label
    columns = embeddings.columns
    items = row_items(embeddings, columns) if columns else np.zeros((len(label), 0), np.int64)

    def accuracy(chosen: list[int]) -> float | None:
        part = np.full_like(items, -1)
        part[:, chosen] = items[:, chosen]
        counted = (label >= 0) & (part >= 0).any(axis=1)
        if not counted.any():
            return None
        predicted = classify_rows(embeddings, columns, part, classify)
        return float((predicted[counted] == label[counted]).mean())

    whole = accuracy(list(range(len(columns))))
    if whole is None:
        raise RunError(
            "no row of the validation split has a label: there is nothing to choose a checkpoint "
            "by; name another split in data.validation"
        )
    alone = {f"{name} accuracy": accuracy([place]) for place, name in enumerate(columns)}
    return {"mean": whole, **{name: value for name, value in alone.items() if value is not None}}
