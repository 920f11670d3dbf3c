"""Validation: every item of the validation rows embedded, and R@1 of every ordered pair."""

from __future__ import annotations

from collections.abc import Callable

from polymodal_eval.validation import average_validation

from polymodal_trainer.embedding import embed_rows, num_items
from polymodal_trainer.start import Setup


def validate(setup: Setup, *, advance: Callable[[int], None] | None = None) -> dict[str, float]:
    """Give R@1 of every ordered pair over the validation rows, and their mean as `mean`."""
    return average_validation(embed_rows(setup, setup.splits.validation, advance=advance))


def num_validation_items(setup: Setup) -> int:
    """Count the items that a validation embeds."""
    return num_items(setup, setup.splits.validation)
