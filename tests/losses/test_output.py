"""What objectives return, as the contract of core wants it."""

from __future__ import annotations

import dataclasses

import polymodal_core.protocols as contract
import pytest
import torch
from polymodal_losses import PCMC, LossOutput

from .reference import unit


def test_outputs_meet_the_contract_and_are_immutable() -> None:
    made: LossOutput = PCMC()({"a": unit(4, 3, seed=1), "b": unit(4, 3, seed=2)})
    output: contract.LossOutput = made  # the type checker's half of this test
    assert output.total.shape == ()
    assert [part.shape for part in output.parts.values()] == [()]
    assert [count.dtype for count in output.anchors.values()] == [torch.int64]
    assert [count.item() for count in output.anchors.values()] == [4]
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.total = torch.zeros(())  # type: ignore[misc]
