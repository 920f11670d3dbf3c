"""The plug-in as a whole."""

from __future__ import annotations

from polymodal_core.plugins import registry
from polymodal_core.testing import check_plugin


def test_contract() -> None:
    names = {item.__name__ for item in check_plugin("polymodal_text.plugin")}
    assert names == {"TextConfig", "TransformerConfig", "HuggingFaceConfig"}


def test_it_is_installed() -> None:
    assert registry().registrations["modality", "text"].distribution == "polymodal-text"
