"""Rows segmented by whatever columns they have, or by some of them alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from polymodal_core.batch import Features, Inputs
    from polymodal_core.model import Model
    from polymodal_core.objective import Segmenter

    Integers = NDArray[np.int64]
    Booleans = NDArray[np.bool_]
    Batches = Callable[[str, Integers], Iterable[Inputs]]
    """From a column and some items of the store to their collated inputs, in that order."""

Predict = Callable[..., Iterator[tuple["Integers", dict[str, "Integers"]]]]

ROWS = 32
"""Rows whose maps are made at once."""


@dataclass(frozen=True)
class SegmentedSplit:
    """The label maps of a split's rows that have one: [rows] of everything here.

    `items[column]` and `truths` are items of the store, `places` the rows' places in the split.
    `predict(uses, places)` is `segment_rows` of some of the rows (None: all), `actual(places)` are
    their true maps [some rows, size, size], -1 where a pixel is not counted. `colour` gives a map
    as uint8 [height, width, 3]. `streams` are the columns that can be read alone.
    """

    target: str
    visual: str
    streams: tuple[str, ...]
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    items: Mapping[str, Integers]
    truths: Integers
    places: Integers
    predict: Predict
    actual: Callable[[Integers], Integers]
    colour: Callable[[Integers], NDArray[np.uint8]]


def segment_rows(
    model: Model,
    segmenter: Segmenter,
    batches: Batches,
    items: Mapping[str, Integers],
    uses: Mapping[str, Mapping[str, Booleans]],
    *,
    device: str = "cpu",
) -> Iterator[tuple[Integers, dict[str, Integers]]]:
    """Predict the maps of rows under several conditions, some rows at a time.

    `items[column]` [rows] are items of the store, -1 where a row lacks one; `uses[condition]
    [column]` bool [rows] says which rows may use a column. Yields the places of the rows and, by
    condition, their maps [some rows, size, size], -1 where a row has nothing to be segmented by: a
    single column that has no decoder of its own. Several columns are read together where the
    segmenter's visual one is among them, and else by the first of its streams.
    """
    import torch

    columns = list(items)
    count = len(next(iter(items.values())))
    training = model.training
    model.eval()  # a decoder has no mode: neither dropout nor statistics of the batch
    try:
        for start in range(0, count, ROWS):
            places = np.arange(start, min(start + ROWS, count))
            held = {column: items[column][places] for column in columns}
            with torch.inference_mode():
                features = {
                    column: _encoded(model, column, batches, found[found >= 0], device)
                    for column, found in held.items()
                    if (found >= 0).any()
                }
                found = {
                    name: _maps(
                        model,
                        segmenter,
                        features,
                        np.stack([(held[c] >= 0) & use[c][places] for c in columns], axis=1),
                        held,
                    )
                    for name, use in uses.items()
                }
            yield places, found
    finally:
        model.train(training)


def _encoded(model: Model, column: str, batches: Batches, items: Integers, device: str) -> Features:
    import torch
    from polymodal_core.batch import to_device

    from polymodal_eval.fused_rows import joined

    unique, place = np.unique(items, return_inverse=True)
    parts = [
        model.features(column, to_device(inputs, device)).to(device)
        for inputs in batches(column, unique)
    ]
    return _taken(joined(parts), torch.from_numpy(place.ravel()), parts[0].grid)


def _taken(features: Features, rows: object, grid: tuple[int, int] | None) -> Features:
    tokens, mask = features.tokens, features.mask
    return type(features)(
        features.pooled[rows],  # type: ignore[index]
        None if tokens is None else tokens[rows],  # type: ignore[index]
        None if mask is None else mask[rows],  # type: ignore[index]
        grid=grid,
    )


def _maps(
    model: Model,
    segmenter: Segmenter,
    features: Mapping[str, Features],
    uses: Booleans,
    held: Mapping[str, Integers],
) -> Integers:
    import torch
    from polymodal_core.token_maps import token_map

    columns = list(held)
    predicted = np.full((len(uses), segmenter.size, segmenter.size), -1, dtype=np.int64)
    patterns, place = np.unique(uses, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        names = [name for name, used in zip(columns, pattern, strict=True) if used]
        read = read_by(segmenter, names)
        if not read:
            continue
        rows = np.flatnonzero(place.ravel() == number)
        parts = {}
        for name in read:
            # A row's place among those that have the column.
            order = np.cumsum(held[name] >= 0) - 1
            index = torch.from_numpy(order[rows]).to(features[name].pooled.device)
            parts[name] = _taken(features[name], index, features[name].grid)
        column = segmenter.visual if segmenter.visual in parts else read[0]
        scores = segmenter.segment(read, token_map(model, column, parts))
        predicted[rows] = scores.argmax(dim=1).cpu().numpy()
    return predicted


def read_by(segmenter: Segmenter, columns: Sequence[str]) -> tuple[str, ...]:
    """Choose what a row that has `columns` is segmented by; empty where nothing can do it."""
    if len(columns) > 1 and segmenter.visual in columns:
        return tuple(columns)
    return next(((name,) for name in columns if name in segmenter.streams), ())
