from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import UnknownNameError
from polymodal_eval.results import NotApplicable
from polymodal_eval.space import Space
from polymodal_eval.tasks.config import RobustnessConfig
from polymodal_eval.tasks.robustness import Robustness
from pydantic import ValidationError

from tests.eval.worlds import embedding_table, row_table, scenes, space_of, unit


class Damage:
    """Embeds damaged items: noise on their vectors; counts how often it was asked."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.asked: list[tuple[str, str, float]] = []

    def __call__(self, column: str, corruption: str, severity: float) -> Any:
        self.asked.append((column, corruption, severity))
        clean = self.space.embeddings.vectors[column]
        if corruption == "blank":
            return unit(np.where(severity == 1, np.eye(clean.shape[1])[0], clean))
        noise = np.random.default_rng(len(corruption)).normal(size=clean.shape)
        return unit(clean + 3 * severity * noise)


def damaged(space: Space | None = None) -> tuple[Space, Damage]:
    space = scenes() if space is None else space
    damage = Damage(space)
    corruptions = {"image": ("noise", "blank"), "text": ("noise",), "prototypes": ()}
    return dataclasses.replace(space, corruptions=corruptions, corrupted=damage), damage


def hit_rate(queries: Any, gallery: Any, right: list[set[int]], k: int) -> list[float]:
    """Whether a right answer is among the first k, loop by loop; a tie never helps."""
    found = []
    for vector, answers in zip(queries, right, strict=True):
        scores = [float(np.dot(vector.astype(np.float64), other)) for other in gallery]
        best = max(scores[number] for number in answers)
        before = sum(
            score >= best - 1e-6 for number, score in enumerate(scores) if number not in answers
        )
        found.append(float(before < k))
    return found


def test_every_figure_against_a_reference() -> None:
    space, damage = damaged()
    result = Robustness((("image", "text"),), severities=(0.5, 1.0), ks=(1, 3))(space)

    table, vectors = space.embeddings.table, space.embeddings.vectors
    right = [
        {int(table.items["text"][row]) for row in np.flatnonzero(table.items["image"] == item)}
        for item in range(len(vectors["image"]))
    ]
    clean = hit_rate(vectors["image"], vectors["text"], right, 1)
    lines = result.measurements
    assert [(item.details["corruption"], item.details["severity"]) for item in lines] == [
        ("clean", 0.0),
        ("noise", 0.5),
        ("noise", 1.0),
        ("blank", 0.5),
        ("blank", 1.0),
    ]
    assert lines[0].estimates["r@1"].value == pytest.approx(np.mean(clean))
    for item in lines[1:]:
        moved = damage("image", item.details["corruption"], item.details["severity"])
        for k in (1, 3):
            wanted = np.mean(hit_rate(moved, vectors["text"], right, k))
            assert item.estimates[f"r@{k}"].value == pytest.approx(wanted), item.name
        lost = np.mean(clean) - np.mean(hit_rate(moved, vectors["text"], right, 1))
        assert item.details["lost"]["value"] == pytest.approx(lost)
        assert item.details["lost"]["low"] <= lost <= item.details["lost"]["high"]
    assert lines[3].details["lost"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert lines[4].details["lost"]["low"] > 0


def test_every_line_has_a_name_of_its_own_and_keeps_its_columns() -> None:
    space, _ = damaged()
    result = Robustness(severities=(1.0,))(space)
    names = [item.name for item in result.measurements]
    assert len(set(names)) == len(names) == 2 * 3 + 2 * 2
    assert "image (noise 1) → text" in names
    assert {item.query_columns for item in result.measurements} == {("image",), ("text",)}
    assert [item.what for item in result.skipped] == ["prototypes"]
    assert result.measurements[1].queries is not None


def test_a_damaged_column_is_embedded_once_for_all_galleries() -> None:
    space, damage = damaged()
    Robustness(severities=(0.5, 1.0))(space)
    assert len(damage.asked) == len(set(damage.asked)) == 2 * 2 + 2


def test_chosen_corruptions() -> None:
    space, _ = damaged()
    found = Robustness((("image", "text"), ("text", "image")), corruptions=("blank",))(space)
    assert {item.details["corruption"] for item in found.measurements} == {"clean", "blank"}
    assert [item.what for item in found.skipped] == ["text"]
    with pytest.raises(UnknownNameError, match="'blnk'; did you mean 'blank'"):
        Robustness(corruptions=("blnk",))(space)
    with pytest.raises(UnknownNameError, match="'imag'"):
        Robustness((("imag", "text"),))(space)


def test_items_of_several_rows_and_rows_without() -> None:
    # Item numbers are places in the table of vectors, whatever row holds them.
    table = row_table({"a": [2, -1, 0, 0, 1], "b": [0, 1, 2, 3, -1]}, instance=[7, 8, 9, 9, 6])
    vectors = {"a": np.eye(4)[:3], "b": np.eye(4)[[2, 1, 0, 3]]}
    space = space_of(embedding_table(vectors, table))

    def moved(column: str, name: str, severity: float) -> Any:
        assert (column, name) == ("a", "turn")
        return unit(np.eye(4)[[0, 1, 3]])

    space = dataclasses.replace(space, corruptions={"a": ("turn",)}, corrupted=moved)
    clean, turned = Robustness((("a", "b"),), severities=(1.0,), ks=(1,))(space).measurements
    assert (clean.num_queries, clean.estimates["r@1"].value) == (2, 1.0)
    assert (turned.num_queries, turned.estimates["r@1"].value) == (2, 0.5)
    assert turned.details["lost"]["value"] == 0.5


def test_nothing_to_measure() -> None:
    with pytest.raises(NotApplicable, match="has none of the corruptions"):
        Robustness()(scenes())
    space = dataclasses.replace(scenes(), corruptions={"image": ("noise",)})
    with pytest.raises(NotApplicable, match="no stored values to damage"):
        Robustness()(space)
    table = row_table({"a": [0, -1], "b": [-1, 0]}, instance=[0, 1])
    apart = space_of(embedding_table({"a": np.eye(2)[:1], "b": np.eye(2)[1:]}, table))
    damage = Damage(apart)
    apart = dataclasses.replace(apart, corruptions={"a": ("noise",)}, corrupted=damage)
    with pytest.raises(NotApplicable, match="no a of split 'test' has a right answer in b"):
        Robustness((("a", "b"),))(apart)
    assert damage.asked == []


def test_options() -> None:
    task = RobustnessConfig(severities=(1.0, 0.1, 1.0)).build()
    assert isinstance(task, Robustness)
    assert task.severities == (0.1, 1.0)
    for severity in (0.0, 1.1):
        with pytest.raises(ValidationError):
            RobustnessConfig(severities=(severity,))
