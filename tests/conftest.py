"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest


def _beside_checkout(name: str) -> Path:
    folder = Path(__file__).resolve().parents[2] / "shared" / name
    if not folder.is_dir():
        pytest.skip(f"shared {name} are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data sets beside the checkout; the test is skipped where there is none."""
    return _beside_checkout("data")


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """Folder of trained weights beside the checkout; the test is skipped where there is none."""
    return _beside_checkout("weights")
