"""The splits of a store in the space of a model, each embedded once, when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from polymodal_core.errors import StoreError
from polymodal_core.plugins import registry
from polymodal_datasets.loading import load_items
from polymodal_datasets.readers import decode
from polymodal_datasets.splits import make_splits
from polymodal_eval.embedding_table import (
    EmbeddingTable,
    embed_items,
    embed_replaced,
    embed_table,
    items_to_embed,
)
from polymodal_eval.space import (
    LabelledVectors,
    Space,
    StoredValues,
    collate_values,
    corruption_generator,
    encode_values,
    unit_means,
)

from polymodal_evaluator.kept_features import KeptFeatures
from polymodal_evaluator.opening import Opened
from polymodal_evaluator.segmenting import Segmenting

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from polymodal_core.batch import Inputs
    from polymodal_core.geometry import Crop
    from polymodal_eval.classified_rows import Classify

    Integers = NDArray[np.int64]
    Bar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


class Spaces:
    """Gives the `Space` of a split; embeds its items at the first call.

    `notes` collects what the report should say about the splits.
    """

    def __init__(
        self,
        opened: Opened,
        *,
        device: str,
        bar: Bar,
        of: str = "",
        classify: Classify | None = None,
        segment: Segmenting | None = None,
    ) -> None:
        """Remember the run; `bar(title, items)` shows progress.

        `of` names the store where it is another one than the run's: its splits are then called
        `test of cifar10`. `classify` scores classes, `segment` gives label maps.
        """
        self._classify, self._segment = classify, segment
        self._opened = opened
        self._of = f" of {of}" if of else ""
        self._device = device
        self._bar = bar
        self._kept = KeptFeatures(opened, device=device)
        # One measurement after another asks for the ids of the same items.
        self._identify = lru_cache(maxsize=None)(opened.store.id)
        self.found: dict[str, Space] = {}
        self.notes: list[str] = []
        opened.trained.model.to(device)

    def rows(self, split: str) -> Integers:
        """Find a split's rows: `train`, `validation` and `test` as the recipe has them.

        Any other name is a split of the store. Raises StoreError for an unknown or empty one.
        """
        opened = self._opened
        store, data = opened.store, opened.data
        if split in ("train", "validation") and data.validation_size is not None:
            return np.asarray(getattr(make_splits(store, data, opened.seed), split))
        roles = {"train": data.train, "validation": data.validation, "test": data.test}
        rows = store.rows_of(roles.get(split, split))
        if data.limit is not None and len(rows) > data.limit:
            drawn = np.random.default_rng(opened.seed).permutation(len(rows))[: data.limit]
            note = (
                f"only {data.limit} of the {len(rows)} rows of split '{split}{self._of}' are "
                f"evaluated (data.limit)"
            )
            if note not in self.notes:
                self.notes.append(note)
            rows = rows[np.sort(drawn)]
        if not len(rows):
            raise StoreError(f"{store.path}: split '{split}' has no rows to evaluate")
        return rows

    def __call__(self, split: str) -> Space:
        """Give a split's space."""
        if split not in self.found:
            self.found[split] = self._embed(split)
        return self.found[split]

    def _embed(self, split: str) -> Space:
        opened = self._opened
        rows = self.rows(split)
        table = opened.store.table.select(rows)
        model = opened.trained.model
        numbers = items_to_embed(model.columns, table)
        # What another store lacks altogether has been said when its columns were matched.
        missing = [name for name in opened.store.columns if name in model.columns]
        missing = [column for column in missing if column not in numbers]
        place = f"{split}{self._of}"
        if missing:
            self.notes.append(f"split '{place}' has no items of {', '.join(missing)}")
        with self._bar(f"embedding {place}", sum(map(len, numbers.values()))) as advance:
            embeddings = embed_table(
                model, table, self._batches, device=self._device, advance=advance
            )
        return Space(
            embeddings=embeddings,
            encode=self._encode,
            show=self._show,
            identify=self._identify,
            kinds={
                name: item.modality.kind for name, item in opened.trained.recipe.columns.items()
            },
            classes=self._classes,
            corruptions={
                name: tuple(opened.trained.modalities[name].corruptions())
                for name in embeddings.columns
            },
            corrupted=partial(self._corrupted, embeddings),
            values=partial(self._values, split),
            source=opened.store.describe()["source"],
            window=self._window,
            spans=self._spans,
            rows=rows,
            classify=self._classify,
            segmented=None if self._segment is None else self._segment(rows),
            split=place,
            seed=opened.evaluation.seed,
            resamples=opened.evaluation.resamples,
        )

    def _batches(self, column: str, items: Integers) -> Iterable[Inputs]:
        if column in self._kept.columns:
            return self._kept.batches(column, items)
        evaluation = self._opened.evaluation
        return load_items(
            self._opened.store,
            column,
            self._opened.trained.modalities[column],
            items,
            batch_size=evaluation.batch_size,
            workers=evaluation.workers,
        )

    def _encode(self, column: str, values: Sequence[Any]) -> NDArray[np.float32]:
        trained = self._opened.trained
        return encode_values(
            trained.model,
            trained.modalities[column],
            column,
            values,
            device=self._device,
            batch_size=self._opened.evaluation.batch_size,
        )

    def _corrupted(
        self, embeddings: EmbeddingTable, column: str, corruption: str, severity: float
    ) -> EmbeddingTable:
        opened, evaluation = self._opened, self._opened.evaluation
        modality = opened.trained.modalities[column]
        corrupt = modality.corruptions()[corruption]

        def batches(items: Integers) -> Iterator[Inputs]:
            for start in range(0, len(items), evaluation.batch_size):
                part = items[start : start + evaluation.batch_size]
                payloads = opened.store.read(column, part)
                values = [
                    corrupt(
                        decode(opened.store, column, modality, int(item), payload),
                        severity,
                        corruption_generator(evaluation.seed, corruption, int(item)),
                    )
                    for item, payload in zip(part, payloads, strict=True)
                ]
                yield collate_values(modality, values)

        return embed_replaced(
            opened.trained.model, embeddings, column, batches, device=self._device
        )

    def _show(self, column: str, item: int) -> NDArray[np.uint8] | str:
        return self._opened.trained.modalities[column].show(self._value(column, item))

    def _window(self, column: str, item: int) -> Crop:
        return self._opened.trained.modalities[column].window(self._value(column, item))

    def _spans(self, column: str, item: int) -> Sequence[tuple[int, int]] | None:
        return self._opened.trained.modalities[column].spans(self._value(column, item))

    def _value(self, column: str, item: int) -> Any:
        (payload,) = self._opened.store.read(column, [item])
        return self._opened.trained.modalities[column].decode(payload)

    def _values(self, own: str, column: str, split: str | None) -> StoredValues:
        store = self._opened.store
        kind = store.column(column).kind
        modality = self._opened.trained.modalities.get(column)
        if modality is None:  # a column that the model does not have
            modality = registry().modality(kind).model_validate({}).build()
        items = store.table.items[column][self.rows(own if split is None else split)]
        numbers = np.unique(items[items >= 0])
        decoded = {
            int(number): decode(store, column, modality, int(number), payload)
            for number, payload in zip(numbers, store.read(column, numbers), strict=True)
        }
        return StoredValues(items, [decoded.get(int(number)) for number in items])

    def _classes(self, column: str) -> LabelledVectors:
        table = self._opened.store.table
        held = (table.items[column] >= 0) & (table.label >= 0)
        items, labels = np.unique(np.stack([table.items[column][held], table.label[held]]), axis=1)
        numbers, place = np.unique(items, return_inverse=True)
        vectors = embed_items(
            self._opened.trained.model,
            column,
            self._batches(column, numbers),
            items=numbers,
            device=self._device,
        )
        names, group = np.unique(labels, return_inverse=True)
        return LabelledVectors(unit_means(vectors[place], group, len(names)), names)
