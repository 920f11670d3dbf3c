"""An evaluation for the tests of the report."""

from __future__ import annotations

from typing import Any

from polymodal_eval.report.evaluated import Evaluated
from polymodal_eval.results import Skipped, TaskResult
from polymodal_eval.tasks.retrieval import Retrieval
from polymodal_eval.tasks.zero_shot import ZeroShot

from tests.eval.worlds import scenes

METRICS: tuple[dict[str, Any], ...] = (
    {"event": "validation", "step": 0, "mean": 0.1, "metrics": {"image->text r@1": 0.1}},
    {"event": "step", "step": 1, "loss": 3.0},
    {"event": "step", "step": 2, "loss": 2.0},
    {"event": "validation", "step": 2, "mean": 0.4, "metrics": {"image->text r@1": 0.4}},
    {"event": "epoch", "step": 2, "seconds": 3},
)


def evaluated(**changes: Any) -> Evaluated:
    test, held = scenes(), scenes(seed=1, split="heldout")
    results = [
        Retrieval()(test),
        ZeroShot()(held),
        TaskResult("prompts", "test", skipped=(Skipped("prompts", "there is <no> text"),)),
    ]
    given: dict[str, Any] = {
        "name": "rooms <one>",
        "results": results,
        "spaces": {"test": test, "heldout": held},
        "run": {"path": "/runs/rooms", "checkpoint": "best", "step": 1234},
        "evaluation": {
            "date": "2025-01-02T03:04:05+00:00",
            "command": "polymodal-evaluate run 'runs/rooms'",
            "seed": 0,
            "seconds": 3.2,
            "device": "cpu",
            "versions": {"torch": "2.11"},
        },
        "store": {"path": "/data/rooms", "fingerprint": "abc123"},
        "recipe": {"seed": 3, "data": {"store": "/data/rooms"}},
        "environment": {"seed": 3},
        "metrics": METRICS,
        "warnings": ["the store is <another>"],
        **changes,
    }
    return Evaluated(**given)
