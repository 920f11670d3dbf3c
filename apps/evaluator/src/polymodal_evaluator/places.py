"""Where the tasks of an evaluation run: splits of the run's store, and of others that they name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polymodal_core.errors import PolymodalError, StoreError
from polymodal_datasets.config import DataConfig
from polymodal_datasets.store import Store
from polymodal_eval.evaluation import split_of, store_of

from polymodal_evaluator.opening import Opened
from polymodal_evaluator.segmenting import Segmenting
from polymodal_evaluator.spaces import Spaces

if TYPE_CHECKING:
    from polymodal_core.config import TaskConfig
    from polymodal_eval.classified_rows import Classify
    from polymodal_eval.space import Space

    from polymodal_evaluator.spaces import Bar


class Places:
    """Gives the `Space` that a task's split is called by, of whichever store.

    `notes` collects what the report should say about splits and stores, `stores` are the others by
    the names of their folders.
    """

    def __init__(
        self,
        opened: Opened,
        tasks: Sequence[TaskConfig],
        *,
        device: str,
        bar: Bar,
        classify: Classify | None = None,
        segment: Segmenting | None = None,
    ) -> None:
        """Open every store and find every split that the tasks name.

        Raises StoreError for a store that is missing or has none of the model's columns, and for a
        split that is unknown or empty.
        """
        default = opened.evaluation.split
        self._own = Spaces(opened, device=device, bar=bar, classify=classify, segment=segment)
        self._spaces: dict[str, tuple[Spaces, str]] = {}
        self.stores: dict[str, dict[str, Any]] = {}
        self.notes: list[str] = []
        self.found: dict[str, Space] = {}
        others: dict[Path, Spaces] = {}
        for task in tasks:
            path = store_of(task)
            name, split = split_of(task, default), getattr(task, "split", None) or default
            if path is None:
                self._spaces.setdefault(name, (self._own, split))
                continue
            place = path.resolve()
            if place not in others:
                others[place] = self._open(opened, path, device=device, bar=bar)
            self._spaces.setdefault(name, (others[place], split))
        for spaces, split in self._spaces.values():
            spaces.rows(split)
            spaces.notes.clear()  # they are made again when the splits are embedded

    def __call__(self, name: str) -> Space:
        """Give the space of a split by the name that `split_of` gives it."""
        if name not in self.found:
            spaces, split = self._spaces[name]
            self.found[name] = spaces(split)
            self.notes += spaces.notes
            spaces.notes.clear()
        return self.found[name]

    def _open(self, opened: Opened, path: Path, *, device: str, bar: Bar) -> Spaces:
        name = path.resolve().name
        if name in self.stores:
            raise PolymodalError(
                f"two stores of evaluation.tasks are called '{name}', {path} and "
                f"{self.stores[name]['path']}; rename one of the folders"
            )
        try:
            store = Store(path)
        except StoreError as error:
            raise StoreError(f"evaluation.tasks: {error}") from None
        kinds = {
            column: item.modality.kind for column, item in opened.trained.recipe.columns.items()
        }
        names = matched_columns(kinds, {name: item.kind for name, item in store.columns.items()})
        if not names:
            given = ", ".join(f"{item.name} ({item.kind})" for item in store.columns.values())
            wanted = ", ".join(f"{column} ({kind})" for column, kind in kinds.items())
            raise StoreError(
                f"{path}: none of its columns, {given}, is one of the model's, {wanted}, by name "
                f"and kind or as the only one of its kind"
            )
        self.stores[name] = {
            "path": str(path.resolve()),
            "fingerprint": store.fingerprint,
            "columns": names,
        }
        self.notes += _renamed(name, names)
        elsewhere = replace(
            opened,
            store=Store(path, names=names),
            data=DataConfig(store=path, limit=opened.data.limit),
        )
        return Spaces(elsewhere, device=device, bar=bar, of=name)


def matched_columns(model: Mapping[str, str], store: Mapping[str, str]) -> dict[str, str]:
    """Give the store's column for each of the model's that it has one for, both as {name: kind}.

    By name and kind; else by kind, where one column of the kind is left on either side.
    """
    found = {name: name for name, kind in model.items() if store.get(name) == kind}
    lacking = {name: kind for name, kind in model.items() if name not in found}
    spare = {name: kind for name, kind in store.items() if name not in found.values()}
    wanted, given = Counter(lacking.values()), Counter(spare.values())
    for name, kind in lacking.items():
        if wanted[kind] == given[kind] == 1:
            found[name] = next(column for column in spare if spare[column] == kind)
    return found


def _renamed(store: str, names: Mapping[str, str]) -> Iterable[str]:
    for name, column in names.items():
        if name != column:
            yield f"{store}: its column '{column}' is embedded as the model's '{name}'"
