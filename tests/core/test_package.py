"""The names that plug-in authors import, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polymodal_core
import pytest

from tests.core.toys import write_distribution

HEAVY = ["torch", "torchvision", "timm", "transformers"]


def imported(code: str, *, path: Path | None = None) -> set[str]:
    """Give the top-level modules that a fresh interpreter holds after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env=None if path is None else {"PYTHONPATH": str(path)},
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_every_public_name_resolves() -> None:
    for name in polymodal_core.__all__:
        assert getattr(polymodal_core, name).__name__ == name or name == "State"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        polymodal_core.Nothing  # noqa: B018


def test_importing_the_package_costs_nothing() -> None:
    assert not imported("import polymodal_core") & {*HEAVY, "pydantic", "numpy", "pluggy"}


def test_what_a_plugin_module_imports_is_light() -> None:
    names = "EncoderConfig, Item, Modality, ModalityConfig, Row, ValueRejectedError, hookimpl"
    assert not imported(f"from polymodal_core import {names}") & {*HEAVY, "numpy"}


def test_listing_the_installed_plugins_is_light() -> None:
    code = "from polymodal_core.plugins import load_registry, table; table(load_registry())"
    assert not imported(code) & set(HEAVY)


VALIDATE = """
from polymodal_core.plugins import load_registry
from polymodal_core.recipe import load_recipe, recipe_schema, write_toml
registry = load_registry()
recipe = load_recipe({"modalities": {"tree": {}}}, registry=registry, sections={})
write_toml(recipe.table)
recipe_schema(registry=registry, sections={})
"""

TREES = '''
from typing import ClassVar, Literal
from polymodal_core import EncoderConfig, ModalityConfig, hookimpl


class TreeConfig(ModalityConfig):
    """Trees."""

    kind: Literal["tree"] = "tree"
    default_encoder: ClassVar[str] = "net"


class NetConfig(EncoderConfig):
    """An encoder."""

    kind: Literal["net"] = "net"
    modality: ClassVar[str] = "tree"


@hookimpl
def register_modalities():
    return [TreeConfig]


@hookimpl
def register_encoders():
    return [NetConfig]
'''


def test_validating_a_recipe_is_light(tmp_path: Path) -> None:
    write_distribution(tmp_path, "acme-trees", {"acme_trees": "acme_trees"}, {"acme_trees": TREES})
    found = imported(VALIDATE, path=tmp_path)
    assert "acme_trees" in found
    assert not found & set(HEAVY)
