"""Cards: an item as the page shows it, a thumbnail or its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymodal_eval.report.pictures import data_uri

if TYPE_CHECKING:
    from polymodal_eval.space import Space


class Cards:
    """Makes the cards of a split's items, each once."""

    def __init__(self, space: Space) -> None:
        """Remember the split."""
        self._space = space
        self._made: dict[tuple[str, int], dict[str, Any]] = {}

    def __call__(self, column: str, item: int) -> dict[str, Any]:
        """Give the card of a store's item: its column, id, and picture or text."""
        if (column, item) not in self._made:
            value = self._space.show(column, item)
            shown = isinstance(value, str)
            self._made[column, item] = {
                "column": column,
                "id": self._space.identify(column, item),
                "text": value if shown else "",
                "picture": None if shown else data_uri(value),  # type: ignore[arg-type]
            }
        return self._made[column, item]
