"""How matches are found, and in which shape they are kept."""

from __future__ import annotations

import pytest
import torch
from polymodal_losses import target_rule
from polymodal_losses.compared_target import ComparedTarget
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.inputs import check_inputs
from polymodal_losses.target import StructuredTarget
from polymodal_losses.target_rule import check_target, embedding_target, group_target
from torch import Tensor

from .reference import unit
from .test_target import matrix


def target_of(threshold: float = 0.99, **columns: Tensor) -> tuple[StructuredTarget, Tensor]:
    inputs = check_inputs(columns)
    found = embedding_target(inputs, threshold)
    assert isinstance(found, StructuredTarget)
    assert torch.equal(
        matrix(found, inputs.batch), matrix(ComparedTarget(inputs, threshold), inputs.batch)
    )
    return found, matrix(found, inputs.batch)


def listed(target: StructuredTarget) -> int:
    return target._extras.shape[1] // 2


def test_exact_repeats_become_classes_not_lists() -> None:
    classes = torch.arange(60) % 3
    target, whole = target_of(
        prototypes=unit(3, 8, seed=1)[classes],
        image=unit(30, 8, seed=2)[torch.arange(60) % 30],  # each within one class
        text=unit(60, 8, seed=3),
    )
    assert [sign for sign, _ in target.terms] == [1]
    assert target.terms[0][1].labels.tolist() == classes.tolist()
    assert listed(target) == 0
    assert float(whole.sum()) == 3 * 20 * 20


def test_views_of_one_picture_that_all_match_become_a_class() -> None:
    pictures = unit(5, 16, seed=1)[torch.arange(40) % 5]
    views = torch.nn.functional.normalize(pictures + 0.01 * unit(40, 16, seed=2), dim=1)
    target, whole = target_of(image=views)
    assert len(target.terms) == 1
    assert listed(target) == 0
    assert float(whole.sum()) == 5 * 8 * 8


def test_matches_that_are_not_transitive_are_listed() -> None:
    angles = torch.arange(12, dtype=torch.float64) * 0.1  # neighbours match, others do not
    fan = torch.stack([angles.cos(), angles.sin()], dim=1)
    target, whole = target_of(fan=fan)
    assert target.terms == ()
    assert listed(target) == 11
    assert float(whole.sum()) == 12 + 2 * 11
    repeated, _ = target_of(fan=fan[torch.arange(24) % 12])
    assert listed(repeated) == 11 * 2 * 2  # every row of a class with every row of the next
    assert len(repeated.terms) == 1


def test_matches_of_several_columns_are_united() -> None:
    rows = torch.arange(24)
    target, _ = target_of(word=unit(4, 8, seed=1)[rows % 4], voice=unit(3, 8, seed=2)[rows // 8])
    assert sorted(sign for sign, _ in target.terms) == [-1, 1, 1]


def test_a_row_matches_through_columns_that_both_rows_have() -> None:
    same = unit(1, 4, seed=1).repeat(3, 1)
    inputs = check_inputs({"a": same}, present={"a": torch.tensor([True, False, True])})
    whole = matrix(embedding_target(inputs, 0.99), 3)
    assert whole.tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


def test_a_collapsed_space_is_compared_tile_by_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    # Neighbours on a circle of 40 match by the dozen, and no list of 2 a row can hold them.
    angles = torch.arange(40, dtype=torch.float64) * 0.02
    inputs = check_inputs({"a": torch.stack([angles.cos(), angles.sin()], dim=1)})
    assert isinstance(embedding_target(inputs, 0.99), StructuredTarget)
    monkeypatch.setattr(target_rule, "_LISTED_PER_ROW", 2)
    found = embedding_target(inputs, 0.99)
    assert isinstance(found, ComparedTarget)
    assert float(matrix(found, 40).sum()) > 40 * 6


def test_few_links_between_large_classes_can_be_too_many_for_a_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    angles = torch.tensor([0.0, 0.1, 0.2], dtype=torch.float64)
    fan = torch.stack([angles.cos(), angles.sin()], dim=1)[torch.arange(30) % 3]
    monkeypatch.setattr(target_rule, "_LISTED_PER_ROW", 3)  # 90, of 2 * 10 * 10 matches
    assert isinstance(embedding_target(check_inputs({"a": fan}), 0.99), ComparedTarget)


def test_a_vector_too_short_for_the_threshold_does_not_match_its_copy() -> None:
    short = 0.9 * unit(1, 4, seed=1).repeat(2, 1)
    _, whole = target_of(a=short)
    assert whole.tolist() == [[1, 0], [0, 1]]  # the product is 0.81


def test_groups_match_and_negative_ones_do_not() -> None:
    inputs = check_inputs({"a": unit(5, 3)}, groups=torch.tensor([4, -1, 4, -1, 0]))
    whole = matrix(group_target(inputs.groups, batch=5, device=inputs.device), 5)
    expected = torch.eye(5, dtype=torch.float64)
    expected[0, 2] = expected[2, 0] = 1.0
    assert torch.equal(whole, expected)
    alone = matrix(group_target(None, batch=5, device=inputs.device), 5)
    assert torch.equal(alone, torch.eye(5, dtype=torch.float64))


@pytest.mark.parametrize(
    ("rule", "threshold", "message"),
    [
        ("labels", 0.99, "target is 'labels'; wanted one of embeddings, groups"),
        ("embeddings", 1.0, "threshold is 1.0; wanted a cosine of at least 0, below 1"),
        ("embeddings", -0.5, "threshold is -0.5"),
        ("embeddings", float("nan"), "threshold is nan"),
    ],
)
def test_impossible_options_are_refused(rule: str, threshold: float, message: str) -> None:
    with pytest.raises(ObjectiveError, match=message):
        check_target(rule, threshold)  # type: ignore[arg-type]
