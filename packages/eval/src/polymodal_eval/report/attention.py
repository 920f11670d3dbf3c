"""Attention on the page: what a fusion looks at in some rows, and on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from polymodal_core.geometry import WHOLE

from polymodal_eval.report.attention_maps import picture_map, strip, words
from polymodal_eval.report.projection import row_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.attention import Attention
    from polymodal_eval.report.evaluated import Evaluated
    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]

SHOWN = 5
AVERAGED = 64


def attention_section(evaluated: Evaluated) -> dict[str, Any] | None:
    """Lay out the first split; None where the model does not fuse columns."""
    for name, space in evaluated.spaces.items():
        if space.embeddings.attend is not None:
            columns, items = drawn_rows(space)
            if len(items):
                return {"split": name, **_section(space, columns, items)}
    return None


def drawn_rows(space: Space) -> tuple[tuple[str, ...], Integers]:
    """Draw up to `AVERAGED` rows, of different instances, by the seed.

    Gives the columns of the row that has the most of them, and the items of the rows that have all
    of these, as places in the embedding table: [rows, columns].
    """
    table = space.embeddings.table
    columns = list(space.embeddings.columns)
    held = np.stack([table.present(name) for name in columns])
    row = int(np.argmax(held.sum(axis=0)))
    names = tuple(name for name in columns if table.present(name)[row])
    complete = np.flatnonzero(np.all([table.present(name) for name in names], axis=0))
    order = row_order(space)
    seen: set[int] = set()
    rows: list[int] = []
    for row in order[np.isin(order, complete)].tolist():
        instance = int(table.instance[row])
        if instance < 0 or instance not in seen:
            seen.add(instance)
            rows.append(row)
            if len(rows) == AVERAGED:
                break
    found = [[table.items[name][row] for name in names] for row in rows]
    return names, np.array(found, dtype=np.int64).reshape(len(rows), len(names))


def _section(space: Space, columns: tuple[str, ...], items: Integers) -> dict[str, Any]:
    assert space.embeddings.attend is not None
    looked = space.embeddings.attend(columns, items)
    first = looked[0]
    tokenless = [name for name in columns if name in first and not len(first[name].tokens)]
    numbers = space.embeddings.item_numbers
    rows = [
        [
            _panel(space, name, int(numbers[name][item]), found[name])
            for name, item in zip(columns, entry, strict=True)
            if name in found and name not in tokenless
        ]
        for entry, found in zip(items[:SHOWN].tolist(), looked, strict=False)
    ]
    return {
        "columns": list(columns),
        "unseen": [name for name in columns if name not in first],
        "tokenless": tokenless,
        "rows": [row for row in rows if row],
        "average": [
            _average(name, [found[name] for found in looked])
            for name in columns
            if name in first and name not in tokenless
        ],
        "averaged": len(items),
    }


def _panel(space: Space, column: str, item: int, found: Attention) -> dict[str, Any]:
    shown = space.show(column, item)
    cells, spans = found.cells, space.spans(column, item)
    panel: dict[str, Any] = {"column": column, "id": space.identify(column, item)}
    panel |= {"words": None, "special": 0.0, "picture": None, "strip": None, "text": None}
    if isinstance(shown, str):
        if spans is not None and len(spans) == len(found.tokens):
            panel["words"], panel["special"] = words(shown, spans, found.tokens)
        else:
            panel |= {"text": shown, "strip": strip(found.tokens)}
    elif cells is not None:
        panel["picture"] = picture_map(shown, cells, space.window(column, item))
    else:
        whole = np.ones((1, 1))
        panel |= {"picture": picture_map(shown, whole, WHOLE), "strip": strip(found.tokens)}
    return {**panel, **_shares([found])}


def _average(column: str, found: Sequence[Attention]) -> dict[str, Any]:
    cells = [item.cells for item in found]
    kept = [part for part in cells if part is not None]
    panel: dict[str, Any] = {"column": column, "picture": None}
    if len(kept) == len(found) and len({part.shape for part in kept}) == 1:
        panel["picture"] = picture_map(None, np.mean(kept, axis=0), WHOLE)
    return {**panel, **_shares(found)}


def _shares(found: Sequence[Attention]) -> Mapping[str, float]:
    return {
        "tokens": float(np.mean([item.tokens.sum() for item in found])),
        "pooled": float(np.mean([item.pooled for item in found])),
        "elsewhere": float(np.mean([item.elsewhere for item in found])),
        "spread": float(np.mean([item.spread for item in found])),
        "length": float(np.mean([len(item.tokens) for item in found])),
    }
