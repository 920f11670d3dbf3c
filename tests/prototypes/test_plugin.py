"""The plug-in as a whole."""

from __future__ import annotations

from polymodal_core.plugins import registry
from polymodal_core.testing import check_plugin


def test_contract() -> None:
    names = {item.__name__ for item in check_plugin("polymodal_prototypes.plugin")}
    assert names == {"PrototypesConfig", "PrototypesMLPConfig", "PrototypesIdentityConfig"}


def test_it_is_installed() -> None:
    owner = registry().registrations["modality", "prototypes"].distribution
    assert owner == "polymodal-prototypes"
