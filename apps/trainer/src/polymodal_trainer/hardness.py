"""What difficulty-aware batches are drawn from: neighbours under the model's latest embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, cast

import torch
from polymodal_core.errors import CheckpointError, RunError
from polymodal_datasets.difficulty import EpochOrder, difficult_order
from polymodal_datasets.generators import View
from polymodal_datasets.known_matches import KnownMatches, known_matches
from polymodal_datasets.neighbours import Neighbours, nearest_neighbours
from torch import Tensor

from polymodal_trainer.embedding import embed_rows, num_items
from polymodal_trainer.start import Setup
from polymodal_trainer.state import TrainingState

if TYPE_CHECKING:
    from polymodal_core.config import ObjectiveConfig
    from polymodal_datasets.config import HardConfig


class Hardness:
    """Neighbours of a run's training rows, found anew at the start of every so many epochs.

    A checkpoint within such epochs holds them (`tensors`, `load`), since the weights that they were
    found under are gone by then; at the start of one, a resumed run finds the same again.
    """

    def __init__(self, setup: Setup, hard: HardConfig) -> None:
        """Remember the run; nothing is computed yet."""
        self._setup = setup
        self._hard = hard
        self._neighbours: Neighbours | None = None

    def stale(self, state: TrainingState) -> bool:
        """Say whether neighbours have to be found before the batch that `state` stands at."""
        return state.batch == 0 and state.epoch % self._hard.refresh == 0

    def num_steps(self) -> int:
        """Count what `refresh` tells of: items that it embeds, and rows that it compares."""
        rows = self._setup.splits.train
        return num_items(self._setup, rows) + len(rows)

    def refresh(self, advance: Callable[[int], None]) -> None:
        """Embed all training rows and find their neighbours; `advance` hears how far it is."""
        setup, hard = self._setup, self._hard
        # Where views alone were cached, an item as an evaluation sees it is not at hand.
        view = View(setup.seed, 0) if setup.training.cached_views > 1 else None
        embeddings = embed_rows(setup, setup.splits.train, advance=advance, view=view)
        self._neighbours = nearest_neighbours(
            embeddings.vectors,
            embeddings.table.items,
            self._matches,
            hard.neighbours,
            search=hard.search,
            device=str(setup.precision.device),
            advance=advance,
        )

    def order(self, epoch: int) -> EpochOrder:
        """Order the rows of an epoch (0-based) by the neighbours found last."""
        setup = self._setup
        if self._neighbours is None:
            raise RunError("no neighbours have been found yet; refresh comes before order")
        return difficult_order(
            setup.splits.train,
            self._neighbours,
            self._matches,
            self._hard,
            batch_size=setup.data.batch_size,
            seed=setup.seed,
            epoch=epoch,
            epochs=setup.total_epochs,
        )

    def tensors(self, state: TrainingState) -> dict[str, Tensor]:
        """Give what a checkpoint of `state` has to hold."""
        found = self._neighbours
        if found is None or self.stale(state):
            return {}
        return {
            "places": torch.from_numpy(found.places).to(torch.int32),
            "scores": torch.from_numpy(found.scores),
        }

    def load(self, tensors: Mapping[str, Tensor], state: TrainingState, *, source: str) -> None:
        """Take over what `tensors` gave; raises CheckpointError where it is not there."""
        if self.stale(state):
            return
        shape = (len(self._setup.splits.train), self._hard.neighbours)
        found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        if found != {"places": shape, "scores": shape}:
            raise CheckpointError(
                f"{source}: wanted {shape[1]} neighbours of {shape[0]} training rows each, found "
                f"{found or 'none'}; delete it to resume from the one before"
            )
        self._neighbours = Neighbours(
            tensors["places"].to(torch.int64).numpy(), tensors["scores"].numpy()
        )

    @cached_property
    def _matches(self) -> KnownMatches:
        setup = self._setup
        objective = cast("ObjectiveConfig", setup.recipe.sections["objective"])
        return known_matches(
            setup.store, setup.splits.train, setup.model.columns, groups=objective.groups
        )


def make_hardness(setup: Setup) -> Hardness | None:
    """Give what a run's batches are drawn from; None where all of them are drawn evenly."""
    hard = setup.data.hard
    return None if hard is None else Hardness(setup, hard)
