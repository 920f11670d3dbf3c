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
    """Neighbours of a run's training rows, found anew every so many epochs or steps.

    A checkpoint between two searches holds them (`tensors`, `load`), since the weights that they
    were found under are gone by then; where one is due, a resumed run finds the same again. What an
    epoch drew from earlier neighbours than the last is held too: the rest follows from these.
    """

    def __init__(self, setup: Setup, hard: HardConfig) -> None:
        """Remember the run; nothing is computed yet."""
        self._setup = setup
        self._hard = hard
        self._neighbours: Neighbours | None = None
        self._order: EpochOrder | None = None

    def stale(self, state: TrainingState) -> bool:
        """Say whether neighbours have to be found before the batch that `state` stands at."""
        if self._hard.refresh_unit == "epochs":
            return state.batch == 0 and state.epoch % self._hard.refresh == 0
        # After its last batch an epoch has none to draw, and the next begins at the same step.
        return state.batch < self._setup.steps_per_epoch and state.step % self._hard.refresh == 0

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

    def order(self, state: TrainingState) -> EpochOrder:
        """Order the rows of the epoch that `state` stands in, by the neighbours found last.

        It reaches as far as the batch before which neighbours are to be found again, and holds what
        was drawn from earlier ones: each call goes on from the one before in the epoch.
        """
        setup = self._setup
        if self._neighbours is None:
            raise RunError("no neighbours have been found yet; refresh comes before order")
        start, stop = self._span(state)
        self._order = difficult_order(
            setup.splits.train,
            self._neighbours,
            self._matches,
            self._hard,
            batch_size=setup.data.batch_size,
            seed=setup.seed,
            epoch=state.epoch,
            epochs=setup.total_epochs,
            drawn=self._drawn(start),
            stop=stop,
        )
        return self._order

    def tensors(self, state: TrainingState) -> dict[str, Tensor]:
        """Give what a checkpoint of `state` has to hold."""
        held: dict[str, Tensor] = {}
        found = self._neighbours
        if found is not None and not self.stale(state):
            held |= {
                "places": torch.from_numpy(found.places).to(torch.int32),
                "scores": torch.from_numpy(found.scores),
            }
        drawn = self._drawn(self._span(state)[0])
        if drawn is not None:
            held |= {
                "drawn_rows": torch.from_numpy(drawn.rows),
                "drawn_seeds": torch.from_numpy(drawn.seeds),
                "drawn_cosines": torch.from_numpy(drawn.cosines),
            }
        return held

    def load(self, tensors: Mapping[str, Tensor], state: TrainingState, *, source: str) -> None:
        """Take over what `tensors` gave; raises CheckpointError where it is not there."""
        wanted: dict[str, tuple[int, ...]] = {}
        shape = (len(self._setup.splits.train), self._hard.neighbours)
        drawn = self._span(state)[0] * self._setup.data.batch_size
        said = []
        if not self.stale(state):
            wanted |= {"places": shape, "scores": shape}
            said.append(f"{shape[1]} neighbours of {shape[0]} training rows each")
        if drawn > 0:
            wanted |= dict.fromkeys(("drawn_rows", "drawn_seeds", "drawn_cosines"), (drawn,))
            said.append(f"the {drawn} rows that the epoch drew before them")
        found = {name: tuple(tensor.shape) for name, tensor in tensors.items() if name in wanted}
        if found != wanted:
            raise CheckpointError(
                f"{source}: wanted {' and '.join(said)}, found {found or 'none'}; delete it to "
                f"resume from the one before"
            )
        if "places" in wanted:
            self._neighbours = Neighbours(
                tensors["places"].to(torch.int64).numpy(), tensors["scores"].numpy()
            )
        if drawn > 0:
            self._order = EpochOrder(
                tensors["drawn_rows"].numpy(),
                tensors["drawn_seeds"].numpy(),
                tensors["drawn_cosines"].numpy(),
            )

    def _span(self, state: TrainingState) -> tuple[int, int]:
        # The batches of the epoch at hand that the last neighbours serve: from, and up to.
        batches = self._setup.steps_per_epoch
        if self._hard.refresh_unit == "epochs":
            return 0, batches
        every, began = self._hard.refresh, state.step - state.batch
        last = began + min(state.batch, batches - 1)
        start = last - last % every - began
        return max(0, start), min(batches, start + every)

    def _drawn(self, batches: int) -> EpochOrder | None:
        # The first so many batches of the epoch at hand; None for none.
        if batches == 0:
            return None
        count = batches * self._setup.data.batch_size
        if self._order is None or len(self._order.rows) < count:
            raise RunError(f"the first {batches} batches of the epoch have not been drawn")
        return self._order.first(count)

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
