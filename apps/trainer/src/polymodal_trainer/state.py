"""Where a run stands: what a checkpoint must hold beside tensors."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

RECORDED: dict[str, tuple[type, ...]] = {
    "step": (int,),
    "epoch": (int,),
    "batch": (int,),
    "stale": (int,),
    "best": (dict, type(None)),
    "tally": (dict,),
    "untrained": (dict,),
    "finished": (str, type(None)),
    "metrics_size": (int,),
    "modalities": (dict,),
    "plugins": (dict,),
    "store": (str,),
}
"""What a checkpoint's plain data must hold for a run to go on from it, and as what."""


@dataclass(frozen=True)
class Best:
    """The best validation so far; `epoch` counts from 1 as people do, `step` names the weights."""

    mean: float
    epoch: int
    step: int


@dataclass(frozen=True)
class EarlierStage:
    """A stage that is over: its name, why it ended, and its best validation."""

    name: str
    ended: str
    best: Best | None


@dataclass
class EpochTally:
    """What an epoch has summed up so far: losses of its steps, and anchors of each pair."""

    steps: int = 0
    loss: float = 0.0
    anchors: dict[str, int] = field(default_factory=dict)

    def add(self, loss: float, anchors: dict[str, int]) -> None:
        """Count one step."""
        self.steps += 1
        self.loss += loss
        for pair, count in anchors.items():
            self.anchors[pair] = self.anchors.get(pair, 0) + count

    @property
    def mean_loss(self) -> float:
        """Mean loss over the steps so far."""
        return self.loss / max(1, self.steps)

    @property
    def without_anchors(self) -> list[str]:
        """Pairs that no row of the epoch had both columns of."""
        return sorted(pair for pair, count in self.anchors.items() if count == 0)


@dataclass
class TrainingState:
    """Position and history of a run.

    `step` optimiser steps are done. `epoch` counts the epochs that are finished, validation
    included; `batch` batches of the next one are done (all of them, where it only awaits its
    validation). `stale` validations have passed since the best. `untrained` are the validation
    metrics of the initial weights. `finished` says why a run is over.

    `stage` is the number of the stage, which began after `stage_step` steps and `stage_epoch`
    epochs; `ended` says why it is over where the next one is still to begin. `best` and `stale` are
    the stage's; those of `earlier` stages are kept.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    stale: int = 0
    best: Best | None = None
    tally: EpochTally = field(default_factory=EpochTally)
    untrained: dict[str, float] = field(default_factory=dict)
    finished: str | None = None
    stage: int = 0
    stage_step: int = 0
    stage_epoch: int = 0
    ended: str | None = None
    earlier: list[EarlierStage] = field(default_factory=list)

    @property
    def epoch_in_stage(self) -> int:
        """Epochs of the stage that are finished."""
        return self.epoch - self.stage_epoch

    def begin_next_stage(self, name: str) -> None:
        """Close the stage `name`, which has `ended`, and stand at the beginning of the next."""
        self.earlier.append(EarlierStage(name, self.ended or "", self.best))
        self.stage += 1
        self.stage_step, self.stage_epoch = self.step, self.epoch
        self.best, self.stale, self.ended = None, 0, None

    def plain(self) -> dict[str, Any]:
        """Give the state as plain data."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> TrainingState:
        """Read what `plain` gave."""
        best = plain["best"]
        return cls(
            step=plain["step"],
            epoch=plain["epoch"],
            batch=plain["batch"],
            stale=plain["stale"],
            best=None if best is None else Best(**best),
            tally=EpochTally(**plain["tally"]),
            untrained=plain["untrained"],
            finished=plain["finished"],
            # A run begun before there were stages is in its first.
            **{name: plain[name] for name in _STAGE if name in plain},
            earlier=[
                EarlierStage(
                    item["name"],
                    item["ended"],
                    None if item["best"] is None else Best(**item["best"]),
                )
                for item in plain.get("earlier", ())
            ],
        )


_STAGE = ("stage", "stage_step", "stage_epoch", "ended")


def check_recorded(recorded: Any) -> dict[str, Any]:
    """Give a checkpoint's plain data; raises ValueError for what no run can go on from.

    Another version of the trainer may have recorded other things.
    """
    if not isinstance(recorded, dict):
        raise ValueError(f"it holds a {type(recorded).__name__}, not a table")
    for name, kinds in RECORDED.items():
        if name not in recorded:
            raise ValueError(f"'{name}' is missing")
        if not isinstance(recorded[name], kinds):
            raise ValueError(f"'{name}' is {recorded[name]!r}")
    try:
        TrainingState.from_plain(recorded)
    except TypeError as error:
        raise ValueError(str(error)) from None
    return recorded
