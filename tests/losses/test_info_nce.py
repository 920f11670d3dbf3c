"""InfoNCE is PCMC over one pair at a fixed temperature."""

from __future__ import annotations

import pytest
import torch
from polymodal_losses import PCMC, InfoNCE
from polymodal_losses.errors import ObjectiveError

from .reference import unit


def test_equals_cross_entropy_in_both_directions() -> None:
    a, b = unit(8, 5, seed=1), unit(8, 5, seed=2)
    logits = a @ b.T / 0.07
    target = torch.arange(8)
    cross_entropy = torch.nn.functional.cross_entropy
    expected = (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
    output = InfoNCE()({"image": a, "text": b})
    assert output.total.item() == pytest.approx(expected.item(), rel=1e-12)
    assert list(output.parts) == [("image", "text")]


def test_has_no_parameters_and_says_its_temperature() -> None:
    loss = InfoNCE(0.2)
    assert list(loss.parameters()) == []
    assert loss.temperature == pytest.approx(0.2, rel=1e-12)


def test_takes_presence_and_groups_as_pcmc_does() -> None:
    z = {"a": unit(6, 5, seed=1), "b": unit(6, 5, seed=2)}
    present = {"a": torch.tensor([True, False, True, True, True, True])}
    groups = torch.tensor([0, 0, 1, 1, -1, -1])
    expected = PCMC(0.07, learnable=False)(z, present=present, groups=groups).total
    assert torch.equal(InfoNCE()(z, present=present, groups=groups).total, expected)


def test_pairs_pick_two_columns_of_more() -> None:
    z = {name: unit(6, 5, seed=i) for i, name in enumerate(("image", "text", "depth"))}
    expected = InfoNCE()({"image": z["image"], "depth": z["depth"]}).total
    assert torch.equal(InfoNCE(pairs={("image", "depth"): 1.0})(z).total, expected)


@pytest.mark.parametrize("names", [["image"], ["image", "text", "depth"]])
def test_other_than_two_columns_are_refused_by_name(names: list[str]) -> None:
    z = {name: unit(6, 5, seed=i) for i, name in enumerate(names)}
    with pytest.raises(ObjectiveError) as caught:
        InfoNCE()(z)
    assert f"got {len(names)}: {names}" in str(caught.value)


def test_several_pairs_are_refused() -> None:
    with pytest.raises(
        ObjectiveError, match=r"compares one pair; pairs names 2: \(a, b\), \(a, c\)"
    ):
        InfoNCE(pairs={("a", "b"): 1.0, ("a", "c"): 1.0})
