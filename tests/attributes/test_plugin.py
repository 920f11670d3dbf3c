"""The plug-in as a whole."""

from __future__ import annotations

from polymodal_core.plugins import registry
from polymodal_core.testing import check_plugin


def test_contract() -> None:
    names = {item.__name__ for item in check_plugin("polymodal_attributes.plugin")}
    assert names == {"AttributesConfig", "AttributesMLPConfig", "AttributesIdentityConfig"}


def test_it_is_installed() -> None:
    owner = registry().registrations["modality", "attributes"].distribution
    assert owner == "polymodal-attributes"
