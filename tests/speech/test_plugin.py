"""What the installed distribution offers, and what it costs to ask."""

from __future__ import annotations

import subprocess
import sys

import polymodal_speech.plugin
from polymodal_core.plugins import Registry, registry
from polymodal_speech.config import SpeechConfig
from polymodal_speech.encoder_config import ConvNetConfig, TransformersConfig, YAMNetConfig


def test_the_installed_plugin_offers_speech_and_three_encoders() -> None:
    loaded = registry()
    assert loaded.modality("speech") is SpeechConfig
    assert loaded.encoder("speech", "convnet") is ConvNetConfig
    assert loaded.encoder("speech", "transformers") is TransformersConfig
    assert loaded.encoder("speech", "yamnet") is YAMNetConfig
    assert loaded.registrations["modality", "speech"].distribution == "polymodal-speech"


def test_the_default_encoder_is_offered() -> None:
    own = Registry()
    for config in polymodal_speech.plugin.register_encoders():
        own.add("encoder", config, "polymodal-speech")
    assert own.encoder("speech", SpeechConfig.default_encoder) is ConvNetConfig


def test_validating_a_recipe_imports_nothing_heavy() -> None:
    script = """
import sys
import polymodal_speech.plugin as plugin
from polymodal_core.plugins import Registry
from polymodal_core.recipe import load_recipe
registry = Registry()
for config in plugin.register_modalities():
    registry.add("modality", config, "polymodal-speech")
for config in plugin.register_encoders():
    registry.add("encoder", config, "polymodal-speech")
for given in (
    {"kind": "transformers", "model": "facebook/hubert-base-ls960"},
    {"kind": "yamnet", "weights": "/no/such.safetensors"},
    {},
):
    table = {"modalities": {"speech": {"encoder": given}}}
    recipe = load_recipe(table, registry=registry, sections={})
assert recipe.columns["speech"].modality.rate == 16000
heavy = {"torch", "torchaudio", "transformers", "numpy", "soundfile"} & sys.modules.keys()
assert not heavy, heavy
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
