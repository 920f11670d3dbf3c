from __future__ import annotations

import subprocess
import sys

import polymodal_image.plugin
from polymodal_core.plugins import Registry, registry
from polymodal_image.config import ImageConfig
from polymodal_image.encoder_config import ConvNetConfig, TimmConfig


def test_the_installed_plugin_offers_pictures_and_two_encoders() -> None:
    loaded = registry()
    assert loaded.modality("image") is ImageConfig
    assert loaded.encoder("image", "convnet") is ConvNetConfig
    assert loaded.encoder("image", "timm") is TimmConfig
    assert loaded.registrations["modality", "image"].distribution == "polymodal-image"


def test_the_default_encoder_is_offered() -> None:
    own = Registry()
    for config in polymodal_image.plugin.register_encoders():
        own.add("encoder", config, "polymodal-image")
    assert own.encoder("image", ImageConfig.default_encoder) is ConvNetConfig


def test_validating_a_recipe_imports_nothing_heavy() -> None:
    script = """
import sys
import polymodal_image.plugin as plugin
from polymodal_core.plugins import Registry
from polymodal_core.recipe import load_recipe
registry = Registry()
for config in plugin.register_modalities():
    registry.add("modality", config, "polymodal-image")
for config in plugin.register_encoders():
    registry.add("encoder", config, "polymodal-image")
given = {"kind": "timm", "model": "mobilenetv2_100", "weights": "/no/such.safetensors",
         "size": 160, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
recipe = load_recipe({"modalities": {"image": {"encoder": given}}}, registry=registry, sections={})
assert recipe.columns["image"].modality.size == 160
heavy = {"torch", "timm", "transformers", "numpy", "PIL"} & sys.modules.keys()
assert not heavy, heavy
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
