from __future__ import annotations

from polymodal_core.plugins import registry


def test_the_tasks_are_installed() -> None:
    assert {"retrieval", "zero_shot", "prompts", "probe", "robustness"} <= set(
        registry().names("task")
    )
