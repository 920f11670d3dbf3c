"""What a run says at its start and its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from polymodal_trainer.state import Best, TrainingState
from polymodal_trainer.summary import farewell, millions


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0"), (999, "999"), (1000, "1 k"), (866_880, "867 k"), (999_499, "999 k"),
     (999_500, "1.0 M"), (22_927_300, "22.9 M")],
)  # fmt: skip
def test_parameters_are_said_as_people_do(count: int, said: str) -> None:
    assert millions(count) == said


def test_farewell_names_the_best_checkpoint_and_the_next_command() -> None:
    state = TrainingState(step=90, best=Best(0.4125, 3, 60), finished="all 4 epochs are done")
    assert farewell(Path("runs/x"), state) == (
        "finished: all 4 epochs are done\n"
        "best validation: mean R@1 41.2 % after epoch 3 (step 60): runs/x/checkpoints/best\n"
        "evaluate it with `polymodal-evaluate run runs/x`"
    )
