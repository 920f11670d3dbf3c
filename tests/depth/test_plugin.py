from __future__ import annotations

import subprocess
import sys

import polymodal_depth.plugin
from polymodal_core.plugins import Registry, registry
from polymodal_depth.config import DepthConfig
from polymodal_depth.encoder_config import ConvNetConfig, TimmConfig


def test_the_installed_plugin_offers_depth_maps_and_two_encoders() -> None:
    loaded = registry()
    assert loaded.modality("depth") is DepthConfig
    assert loaded.encoder("depth", "convnet") is ConvNetConfig
    assert loaded.encoder("depth", "timm") is TimmConfig
    assert loaded.registrations["modality", "depth"].distribution == "polymodal-depth"


def test_the_default_encoder_is_offered() -> None:
    own = Registry()
    for config in polymodal_depth.plugin.register_encoders():
        own.add("encoder", config, "polymodal-depth")
    assert own.encoder("depth", DepthConfig.default_encoder) is ConvNetConfig


def test_validating_a_recipe_imports_nothing_heavy() -> None:
    script = """
import sys
import polymodal_depth.plugin as plugin
from polymodal_core.plugins import Registry
from polymodal_core.recipe import load_recipe
registry = Registry()
for config in plugin.register_modalities():
    registry.add("modality", config, "polymodal-depth")
for config in plugin.register_encoders():
    registry.add("encoder", config, "polymodal-depth")
given = {"kind": "timm", "model": "resnet18", "weights": "/no/such.safetensors"}
table = {"modalities": {"depth": {"size": 160, "encoder": given}}}
recipe = load_recipe(table, registry=registry, sections={})
assert recipe.columns["depth"].modality.size == 160
heavy = {"torch", "timm", "transformers", "numpy", "PIL"} & sys.modules.keys()
assert not heavy, heavy
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
