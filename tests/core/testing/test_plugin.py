"""Every rule of a plug-in module: one that breaks it alone is found out."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
from polymodal_core.testing import ConformanceError, check_plugin

RIGHT = '''
from typing import ClassVar, Literal
from polymodal_core import EncoderConfig, ModalityConfig, hookimpl
{top}

class TreeConfig(ModalityConfig):
    """Trees."""

    kind: Literal["tree"] = "tree"
    default_encoder: ClassVar[str] = "{default}"
    {option}

    def build(self, state=None):
        {build}
        return object()


class NetConfig(EncoderConfig):
    """An encoder."""

    kind: Literal["net"] = "net"
    modality: ClassVar[str] = "tree"


@hookimpl
def {hook}():
    {inside}
    return [TreeConfig]


@hookimpl
def register_encoders():
    return [NetConfig]
'''
DEFAULTS = {
    "top": "",
    "default": "net",
    "option": "",
    "build": "",
    "hook": "register_modalities",
    "inside": "",
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    # A heavy library that costs nothing to import: what counts is its name.
    (tmp_path / "timm.py").write_text("")
    monkeypatch.setitem(sys.modules, "timm", ModuleType("timm"))
    return tmp_path


def write(site: Path, name: str, **changes: str) -> str:
    (site / f"{name}.py").write_text(RIGHT.format(**{**DEFAULTS, **changes}))
    return name


def test_a_right_one_passes_by_name_and_as_a_module(site: Path) -> None:
    name = write(site, "trees_right")
    assert [item.__name__ for item in check_plugin(name)] == ["TreeConfig", "NetConfig"]
    assert check_plugin(importlib.import_module(name))


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"top": "import timm"}, "listing a plug-in must stay light.*; it imports timm"),
        ({"inside": "import timm"}, "listing a plug-in must stay light.*; it imports timm"),
        ({"top": "1 / 0"}, "must import, and its hooks must run; ZeroDivisionError"),
        ({"inside": "1 / 0"}, "must import, and its hooks must run; ZeroDivisionError"),
        (
            {"hook": "register_modalites"},
            "must load as a plug-in.*unknown hook 'register_modalites'",
        ),
        ({"default": "nett"}, "TreeConfig: its default encoder must exist; 'nett' is not among"),
        ({"option": "size: int"}, "TreeConfig: must build with defaults"),
        ({"build": "raise OSError"}, "TreeConfig: must build with defaults"),
        ({"option": 'model_config = {"extra": "ignore"}'}, "TreeConfig: must refuse unknown keys"),
    ],
)
def test_a_broken_rule_is_named(site: Path, changes: dict[str, str], rule: str) -> None:
    name = write(site, f"trees_{abs(hash(rule + str(changes)))}", **changes)
    with pytest.raises(ConformanceError, match=rule):
        check_plugin(name)


def test_a_module_that_provides_nothing_is_named(site: Path) -> None:
    (site / "trees_empty.py").write_text("")
    with pytest.raises(ConformanceError, match="must provide something; no hook returned a class"):
        check_plugin("trees_empty")


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(ConformanceError, match="No module named 'trees_nowhere'"):
        check_plugin("trees_nowhere")


def test_what_only_works_in_this_process_is_named(site: Path) -> None:
    top = "import sys\nif not hasattr(sys, 'planted'): raise OSError('unplanted')"
    name = write(site, "trees_planted", top=top)
    sys.planted = True  # type: ignore[attr-defined]
    try:
        with pytest.raises(ConformanceError, match="must load as a plug-in in a fresh process"):
            check_plugin(name)
    finally:
        del sys.planted  # type: ignore[attr-defined]
