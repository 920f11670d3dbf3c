"""The one number that training watches."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from polymodal_core.errors import RunError

from polymodal_eval.ranking import rank_queries
from polymodal_eval.relevance import relevance_of_columns

if TYPE_CHECKING:
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
