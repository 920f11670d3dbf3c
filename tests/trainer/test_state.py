"""Where a run stands."""

from __future__ import annotations

import json

from polymodal_trainer.state import Best, EpochTally, TrainingState


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
