"""Prototypes keep the contract, stand for classes, and are averaged from instances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from polymodal_core.errors import ValueRejectedError
from polymodal_core.testing import check_encoder, check_modality
from polymodal_prototypes.config import (
    PrototypesConfig,
    PrototypesIdentityConfig,
    PrototypesMLPConfig,
)

RNG = np.random.default_rng(0)
VALUES = list(RNG.random((6, 5)).astype(np.float32))


@pytest.mark.parametrize("encoder", [PrototypesMLPConfig(), PrototypesIdentityConfig()])
def test_contract(encoder: PrototypesMLPConfig) -> None:
    bad = [[1.0, np.nan], [], "wings", None]
    check_encoder(encoder, check_modality(PrototypesConfig(), VALUES, rejects=bad), VALUES)


def test_prototypes_stand_for_classes() -> None:
    assert PrototypesConfig.of_classes


def test_the_vectors_of_a_class_are_packed_as_their_mean(tmp_path: Path) -> None:
    instances = RNG.normal(size=(30, 5))
    np.save(tmp_path / "albatross.npy", instances)
    modality = PrototypesConfig().build()
    expected = instances.sum(axis=0) / 30
    for value in (instances, instances.tolist(), "albatross.npy"):
        found = modality.decode(modality.pack(value, str(tmp_path)))
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_an_instance_that_is_not_finite_is_named() -> None:
    instances = RNG.normal(size=(30, 5))
    instances[7, 2] = np.inf
    with pytest.raises(ValueRejectedError, match=r"number \[7, 2\] \(counted from 0\) is inf"):
        PrototypesConfig().build().pack(instances, None)
