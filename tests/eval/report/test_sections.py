from __future__ import annotations

import pytest
from polymodal_eval.report.sections import common_start, sections

from tests.eval.report.evaluations import evaluated


def test_only_the_first_task_with_classes_shows_its_confusions_unfolded() -> None:
    zero_shot = evaluated().results[1]

    found = sections([*evaluated().results, zero_shot])

    assert [item["first"] for item in found] == [False, True, False, False]


@pytest.mark.parametrize(
    ("names", "start"),
    [
        (["a red cube", "a red ball"], "a red "),
        (["a red", "a red cube"], "a "),
        (["red", "blue"], ""),
        (["redder", "reddish"], ""),
        (["alone here"], ""),
        ([], ""),
    ],
)
def test_only_whole_words_in_common_are_left_out(names: list[str], start: str) -> None:
    assert common_start(names) == start
