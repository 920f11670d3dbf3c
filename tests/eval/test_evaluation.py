from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from polymodal_core.config import TaskConfig
from polymodal_core.errors import UnknownNameError
from polymodal_eval.evaluation import check_columns, run_tasks
from polymodal_eval.results import NotApplicable, TaskResult
from polymodal_eval.space import Space
from polymodal_eval.tasks.classification_config import PromptsConfig, ZeroShotConfig
from polymodal_eval.tasks.config import EnrichmentConfig, RetrievalConfig

from tests.eval.worlds import embedding_table, row_table, space_of


class EmptyConfig(TaskConfig):
    kind: Literal["empty"] = "empty"

    def build(self) -> Callable[[Space], TaskResult]:
        def run(space: Space) -> TaskResult:
            raise NotApplicable("there is nothing here")

        return run


def space(split: str = "test") -> Space:
    table = row_table({"image": [0, 1], "text": [0, 1]})
    vectors = {"image": np.eye(2), "text": np.eye(2)}
    return space_of(embedding_table(vectors, table))


def test_each_task_runs_on_its_own_split_or_the_evaluations() -> None:
    asked: list[str] = []

    def spaces(split: str) -> Space:
        asked.append(split)
        return space(split)

    heard: list[str] = []
    tasks = [RetrievalConfig(), RetrievalConfig(split="heldout"), EmptyConfig()]

    results = run_tasks(tasks, spaces, split="dev", explicit=False, starting=heard.append)

    assert asked == ["dev", "heldout", "dev"]
    assert [result.task for result in results] == ["retrieval", "retrieval", "empty"]
    assert len(heard) == 3
    assert all(result.seconds > 0 for result in results)


def test_what_does_not_apply_is_skipped_with_its_reason_unless_it_was_asked_for() -> None:
    (result,) = run_tasks([EmptyConfig()], space, split="test", explicit=False)

    assert result.measurements == ()
    assert [(item.what, item.reason) for item in result.skipped] == [
        ("empty", "there is nothing here")
    ]
    with pytest.raises(NotApplicable, match="task 'empty' cannot run: there is nothing here"):
        run_tasks([EmptyConfig()], space, split="test", explicit=True)


def test_unknown_columns_are_found_before_anything_is_embedded() -> None:
    known = ["image", "text", "prototypes"]
    check_columns([RetrievalConfig(pairs=(("image", "text"),)), EmptyConfig()], known)

    with pytest.raises(UnknownNameError, match=r"tasks\.1\.pairs: .* 'txt'; did you mean 'text'"):
        check_columns([EmptyConfig(), RetrievalConfig(pairs=(("image", "txt"),))], known)
    with pytest.raises(UnknownNameError, match=r"tasks\.0\.classes"):
        check_columns([ZeroShotConfig(classes="prototype")], known)
    with pytest.raises(UnknownNameError, match=r"tasks\.0\.column:"):
        check_columns([PromptsConfig(column="title")], known)
    with pytest.raises(UnknownNameError, match=r"tasks\.0\.inputs: .* 'txt'"):
        check_columns([ZeroShotConfig(inputs=("image", ("image", "txt")))], known)
    with pytest.raises(UnknownNameError, match=r"tasks\.0\.galleries: .* 'depht'"):
        check_columns([EnrichmentConfig(galleries=(("depht",),))], known)
    check_columns([EnrichmentConfig(), ZeroShotConfig(inputs="all")], known)
