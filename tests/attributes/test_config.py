"""Attributes keep the contract, and are of instances."""

from __future__ import annotations

import numpy as np
import pytest
from polymodal_attributes.config import (
    AttributesConfig,
    AttributesIdentityConfig,
    AttributesMLPConfig,
)
from polymodal_core.errors import ValueRejectedError
from polymodal_core.testing import check_encoder, check_modality

VALUES = list(np.random.default_rng(0).random((6, 5)).astype(np.float32))


@pytest.mark.parametrize("encoder", [AttributesMLPConfig(), AttributesIdentityConfig()])
def test_contract(encoder: AttributesMLPConfig) -> None:
    bad = [[1.0, np.nan], [], "wings", None]
    check_encoder(encoder, check_modality(AttributesConfig(), VALUES, rejects=bad), VALUES)


def test_attributes_are_not_averaged_and_do_not_stand_for_classes() -> None:
    assert not AttributesConfig.of_classes
    with pytest.raises(ValueRejectedError, match=r"wanted one vector \[dim\]$"):
        AttributesConfig().build().pack(np.stack(VALUES), None)


def test_names_reach_the_report() -> None:
    names = ("red", "blue", "round", "tall", "near")
    shown = AttributesConfig(names=names).build().show(np.array([0, 0, 9, 1, 0], np.float32))
    assert str(shown).startswith("round 9, tall 1, ")
