from __future__ import annotations

import subprocess
import sys
from typing import Literal

import pytest
from polymodal_core.config import TaskConfig
from polymodal_core.errors import UnknownNameError
from polymodal_core.plugins import Registry
from polymodal_core.problems import problems_of
from polymodal_eval.config import EvaluationConfig, default_tasks, evaluation_config
from polymodal_eval.plugin import register_tasks
from pydantic import ValidationError


class GapConfig(TaskConfig):
    kind: Literal["gap"] = "gap"


def registry_of(*configs: type[TaskConfig]) -> Registry:
    registry = Registry()
    for config in configs:
        registry.add("task", config, "tests")
    return registry


def test_any_installed_task_can_be_named() -> None:
    kind = evaluation_config(registry_of(*register_tasks(), GapConfig))

    found = kind.model_validate(
        {"split": "dev", "tasks": [{"kind": "gap"}, {"kind": "zero_shot", "split": "heldout"}]}
    )

    assert isinstance(found, EvaluationConfig)
    assert found.split == "dev"
    assert found.tasks is not None
    assert [task.kind for task in found.tasks] == ["gap", "zero_shot"]


def test_problems_carry_their_path_and_the_nearest_name() -> None:
    kind = evaluation_config(registry_of(*register_tasks()))
    given = {"resample": 10, "tasks": [{"kind": "retreival"}, {"kind": "probe", "folds": 1}]}

    with pytest.raises(ValidationError) as caught:
        kind.model_validate(given)

    problems = [str(item) for item in problems_of(caught.value, kind, given, path="evaluation")]
    text = "\n".join(problems)
    assert "evaluation.resample: unknown key; did you mean 'resamples'?" in text
    assert "evaluation.tasks.0.kind: unknown kind 'retreival'; did you mean 'retrieval'?" in text
    assert "evaluation.tasks.1.folds: Input should be greater than or equal to 2" in text


def test_without_tasks_the_usual_ones_that_are_installed_run() -> None:
    assert evaluation_config(registry_of(*register_tasks()))().tasks is None
    every = default_tasks(registry_of(*register_tasks(), GapConfig))
    assert [task.kind for task in every] == ["retrieval", "enrichment", "zero_shot", "prompts"]
    assert default_tasks(registry_of(GapConfig)) == []


def test_without_any_task_installed_the_error_says_so() -> None:
    with pytest.raises(UnknownNameError, match="no task is installed"):
        evaluation_config(Registry())


@pytest.mark.parametrize("template", ["a photo", "{name}", "a {} {", "{0[x]}"])
def test_templates_without_a_place_for_the_name_are_refused(template: str) -> None:
    kind = evaluation_config(registry_of(*register_tasks()))

    with pytest.raises(ValidationError, match="a template holds"):
        kind.model_validate({"tasks": [{"kind": "prompts", "templates": [template]}]})


def test_combinations_are_columns_or_lists_of_them_or_all() -> None:
    kind = evaluation_config(registry_of(*register_tasks()))
    given = [
        {"kind": "zero_shot", "inputs": ["image", ["image", "text"]]},
        {"kind": "prompts", "inputs": "all"},
        {"kind": "enrichment", "galleries": [["text"]], "most": 5},
        {"kind": "zero_shot"},
    ]

    tasks = kind.model_validate({"tasks": given}).tasks

    assert tasks is not None
    zero_shot, prompts, enrichment, plain = (task.build() for task in tasks)
    assert zero_shot.inputs == (("image",), ("image", "text"))
    assert prompts.inputs == "all"
    assert (enrichment.queries, enrichment.galleries) == ("all", (("text",),))
    assert enrichment.most == 5
    assert plain.inputs is None


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([["image", "image"]], "one or several columns, each once"),
        ([[]], "one or several columns, each once"),
        ([["image", "text"], ["text", "image"]], "listed twice"),
        (["image", ["image"]], "listed twice"),
        ("every", "'all'"),
        ([], "at least 1"),
    ],
)
def test_combinations_that_mean_nothing_are_refused(inputs: object, message: str) -> None:
    kind = evaluation_config(registry_of(*register_tasks()))
    given = {"tasks": [{"kind": "zero_shot", "inputs": inputs}]}

    with pytest.raises(ValidationError) as caught:
        kind.model_validate(given)

    problems = [str(item) for item in problems_of(caught.value, kind, given, path="evaluation")]
    assert any(message in problem for problem in problems), problems
    assert all(problem.startswith("evaluation.tasks.0.inputs") for problem in problems)


def test_validating_the_section_needs_no_numpy_and_no_torch() -> None:
    code = (
        "import sys, polymodal_eval.config, polymodal_eval.plugin;"
        "print(sorted({'torch', 'numpy', 'scipy', 'sklearn'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert found.stdout.strip() == "[]"
