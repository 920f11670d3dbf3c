"""The objective `segmentation` as a section of a recipe."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from polymodal_core.config import ObjectiveConfig
from pydantic import Field

if TYPE_CHECKING:
    from polymodal_losses.segmentation import Segmentation

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SegmentationObjectiveConfig(ObjectiveConfig):
    """Cross-entropies of every pixel of the target column, from streams alone and whole rows.

    Whole rows are read from the map of tokens of `visual`, after it has seen the other columns in
    the fusion. `streams` are weights of columns that are read alone too: `visual` always is, at 1
    where it is left out; `joint` is that of whole rows. `balance` from 0 to 1 raises rare classes
    (1: median frequency), `channels` is the width of the decoders. It compares no columns, so that
    `pairs` stays empty.
    """

    kind: Literal["segmentation"] = "segmentation"
    pairs: tuple[()] = ()
    target: str = "segmentation"
    visual: str = "image"
    streams: dict[str, Weight] = Field(default_factory=dict)
    joint: Weight = 1.0
    balance: float = Field(default=0.0, ge=0, le=1)
    channels: int = Field(default=48, ge=1)

    def terms(self, columns: Collection[str]) -> list[tuple[str, str]]:
        """Name each stream with the target, and "joint" with it where there are several columns."""
        alone = [name for name in columns if name == self.visual or name in self.streams]
        whole = ["joint"] if len(columns) > 1 else []
        return [(name, self.target) for name in (*alone, *whole)]

    def needs(self) -> frozenset[str]:
        """Name the columns, the channels of their maps, and the targets."""
        return frozenset({"columns", "widths", "targets"})

    def build(
        self,
        *,
        columns: Sequence[str],
        widths: Mapping[str, int],
        targets: Mapping[str, Mapping[str, Any]],
    ) -> Segmentation:
        """Build the loss; raises ObjectiveError for what is no column or no target."""
        from polymodal_losses.segmentation import Segmentation, of_target

        found = of_target(targets, self.target)
        return Segmentation(
            columns,
            widths=widths,
            target=self.target,
            size=found["size"],
            pixels=found["pixels"],
            visual=self.visual,
            streams=self.streams,
            joint=self.joint,
            balance=self.balance,
            channels=self.channels,
        )
