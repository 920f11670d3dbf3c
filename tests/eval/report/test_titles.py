from __future__ import annotations

from polymodal_eval.report.titles import metric_name, task_title


def test_metrics_are_named_as_people_do() -> None:
    names = [metric_name(name) for name in ("r@5", "map", "own_score")]
    assert names == ["R@5", "mAP", "own_score"]


def test_tasks_of_other_packages_are_titled_by_their_own_name() -> None:
    assert task_title("zero_shot") == "Zero-shot classification"
    assert task_title("sound_probe") == "Sound probe"
