"""`metrics.jsonl` and TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from polymodal_core.run import RunFolder
from polymodal_trainer.metrics_log import MetricsLog


def step(number: int, **more: Any) -> dict[str, Any]:
    return {"event": "step", "step": number, "loss": 1.0 / number, **more}


def lines(run: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.metrics.read_text().splitlines()]


def test_lines_are_on_disk_as_soon_as_written(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    log = MetricsLog(run)
    log.write(step(1, parts={"image-text": 0.5}))
    assert lines(run) == [step(1, parts={"image-text": 0.5})]
    log.close()


def test_resumed_log_is_cut_to_the_checkpoint(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    log = MetricsLog(run)
    log.write(step(1))
    size = log.size()
    log.write(step(2))
    log.close()
    with run.metrics.open("a") as file:
        file.write('{"event": "step", "st')  # a kill in the middle of a line
    log = MetricsLog(run, size=size, step=1)
    log.write(step(2))
    log.close()
    assert lines(run) == [step(1), step(2)]


def test_lost_log_is_started_anew(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    log = MetricsLog(run, size=1000, step=3)
    log.write(step(4))
    log.close()
    assert lines(run) == [step(4)]


def test_numbers_that_are_not_finite_become_null(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    log = MetricsLog(run)
    log.write(step(1, grad_norm=float("nan"), parts={"a-b": float("inf")}))
    log.close()
    (line,) = lines(run)
    assert line["grad_norm"] is None
    assert line["parts"] == {"a-b": None}


def test_tensorboard_shows_the_same_numbers(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = RunFolder(tmp_path)
    log = MetricsLog(run)
    log.write(step(1, parts={"image-text": 0.5}))
    log.write({"event": "validation", "step": 1, "mean": 0.25, "metrics": {"image->text r@1": 0.1}})
    log.close()
    events = EventAccumulator(str(run.tensorboard))
    events.Reload()
    assert {tag: events.Scalars(tag)[0].value for tag in events.Tags()["scalars"]} == {
        "training/loss": 1.0,
        "training/parts/image-text": 0.5,
        "validation/mean": 0.25,
        "validation/metrics/image->text r@1": 0.10000000149011612,
    }
