"""Teachers: trained runs whose embeddings of the training rows an objective takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from polymodal_core.batch import Inputs, to_device
from polymodal_core.errors import RecipeError, RunError
from polymodal_core.plugins import Registry
from polymodal_core.run import TrainedModel, load_trained, open_run
from polymodal_datasets.loading import load_items
from polymodal_eval.embedding_table import embed_table, items_to_embed
from torch import Tensor

from polymodal_trainer.coverage import check_columns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from polymodal_core.config import ObjectiveConfig

    from polymodal_trainer.start import Setup

    Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Teacher:
    """Unit vectors of the items of training rows, as an evaluation of the teacher has them.

    `vectors[column]` [items, dim], of which a last one, of zeros, is that of no item;
    `places[column]` [rows of the store] say which one each row has.
    """

    vectors: Mapping[str, Tensor]
    places: Mapping[str, Tensor]

    def of(self, index: Tensor) -> dict[str, Tensor]:
        """Give the embeddings [batch, dim] of rows by column, on the device of their `index`."""
        rows = index.cpu()
        return {
            column: vectors[self.places[column][rows]].to(index.device)
            for column, vectors in self.vectors.items()
        }


def load_teachers(setup: Setup, *, registry: Registry) -> dict[str, TrainedModel]:
    """Load the runs that the recipe's objective names as teachers.

    Raises RunError for a run that is not there, or that shares fewer than two columns with the
    recipe, and where the store does not hold its columns.
    """
    config = cast("ObjectiveConfig", setup.recipe.sections["objective"])
    return {name: _load(setup, name, registry) for name in dict.fromkeys(config.teachers())}


def num_items(setup: Setup, teachers: Mapping[str, TrainedModel]) -> int:
    """Count the items that `embed_by_teachers` embeds."""
    table = setup.store.table.select(setup.splits.train)
    return sum(
        len(items)
        for trained in teachers.values()
        for items in items_to_embed(_shared(setup, trained), table).values()
    )


def embed_by_teachers(
    setup: Setup, teachers: Mapping[str, TrainedModel], *, advance: Callable[[int], None]
) -> dict[str, Teacher]:
    """Embed every item of the training rows once by each teacher, by its own preprocessing.

    Only columns that the recipe has too. A value is seen as an evaluation sees it, however the
    student's is augmented. `advance` hears how many items are done.
    """
    return {name: _embed(setup, trained, advance) for name, trained in teachers.items()}


def _load(setup: Setup, name: str, registry: Registry) -> TrainedModel:
    try:
        trained = load_trained(open_run(Path(name)), registry=registry, sections={})
        check_columns(trained.recipe, setup.store)
    except RecipeError as error:
        raise RunError(f"teacher '{name}': {error}") from None
    shared = _shared(setup, trained)
    if len(shared) < 2:
        raise RunError(
            f"teacher '{name}' has the columns {', '.join(trained.model.columns)}, the recipe "
            f"{', '.join(setup.model.columns)}: an objective compares two that both have"
        )
    return trained


def _shared(setup: Setup, trained: TrainedModel) -> list[str]:
    return [column for column in trained.model.columns if column in setup.model.columns]


def _embed(setup: Setup, trained: TrainedModel, advance: Callable[[int], None]) -> Teacher:
    shared = _shared(setup, trained)
    rows = setup.splits.train
    table = setup.store.table.select(rows)
    device = setup.precision.device

    def batches(column: str, items: Integers) -> Iterable[Inputs]:
        inputs = load_items(
            setup.store,
            column,
            trained.modalities[column],
            items,
            batch_size=setup.data.batch_size,
            workers=setup.data.workers,
        )
        return (to_device(item, device) for item in inputs)

    kept = {column: items for column, items in table.items.items() if column in shared}
    with setup.precision.autocast():
        embedded = embed_table(
            trained.model.to(device),
            replace(table, items=kept, of_classes=table.of_classes & kept.keys()),
            batches,
            device=str(device),
            advance=advance,
        )
    trained.model.cpu()
    vectors, places = {}, {}
    for column, found in embedded.vectors.items():
        none = torch.zeros(1, found.shape[1])
        vectors[column] = torch.cat([torch.from_numpy(found), none])
        held = torch.from_numpy(embedded.table.items[column])
        where = torch.full((len(setup.store.table),), len(found), dtype=torch.int64)
        where[torch.from_numpy(rows)] = torch.where(held >= 0, held, len(found))
        places[column] = where
    return Teacher(vectors, places)
