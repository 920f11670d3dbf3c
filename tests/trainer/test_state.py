"""Where a run stands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from polymodal_trainer.state import (
    RECORDED,
    Best,
    EpochTally,
    TrainingState,
    check_recorded,
)


def test_state_survives_json() -> None:
    tally = EpochTally()
    tally.add(0.1 + 0.2, {"image-text": 3, "depth-text": 0})
    state = TrainingState(
        step=7,
        epoch=2,
        batch=3,
        stale=1,
        best=Best(1 / 3, 2, 5),
        tally=tally,
        untrained={"mean": 0.1},
    )
    assert TrainingState.from_plain(json.loads(json.dumps(state.plain()))) == state
    assert TrainingState.from_plain(json.loads(json.dumps(TrainingState().plain()))) == (
        TrainingState()
    )


def test_tally_counts_anchors_and_names_pairs_that_never_had_one() -> None:
    tally = EpochTally()
    tally.add(2.0, {"image-text": 3, "depth-text": 0})
    tally.add(4.0, {"image-text": 0, "depth-text": 0})
    assert tally.mean_loss == 3.0
    assert tally.anchors == {"image-text": 3, "depth-text": 0}
    assert tally.without_anchors == ["depth-text"]


def recorded() -> dict[str, Any]:
    return {
        **TrainingState(best=Best(0.5, 1, 3)).plain(),
        "metrics_size": 12,
        "modalities": {},
        "plugins": {},
        "store": "abc",
    }


def test_what_a_checkpoint_records_is_checked_before_it_is_used() -> None:
    assert check_recorded(recorded()) == recorded()
    for name in RECORDED:
        lacking = {key: value for key, value in recorded().items() if key != name}
        with pytest.raises(ValueError, match=f"'{name}' is missing"):
            check_recorded(lacking)
        with pytest.raises(ValueError, match=f"'{name}' is \\["):
            check_recorded({**recorded(), name: [1]})
    with pytest.raises(ValueError, match="holds a list"):
        check_recorded([])
    with pytest.raises(ValueError, match="unexpected keyword argument 'median'"):
        check_recorded({**recorded(), "best": {"median": 3}})
