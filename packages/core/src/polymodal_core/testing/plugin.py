"""Conformance of a plug-in module as a whole."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from types import ModuleType

from polymodal_core.config import Configuration, EncoderConfig, ModalityConfig
from polymodal_core.errors import PolymodalError
from polymodal_core.hookspecs import PROJECT
from polymodal_core.plugins import Registry, load_registry, registry
from polymodal_core.testing.configs import check_config_class
from polymodal_core.testing.rules import Rules

HEAVY = ("torch", "torchvision", "torchaudio", "timm", "transformers", "tokenizers", "sklearn")
LISTING = """
import sys
from importlib.metadata import EntryPoint
from polymodal_core.plugins import load_registry
registry = load_registry([EntryPoint(name="plugin", value=sys.argv[1], group="polymodal")])
for item in registry.broken:
    sys.exit(item.error)
for item in registry.registrations.values():
    item.config.model_json_schema()
print(*sorted(set(sys.argv[2:]) & sys.modules.keys()))
"""


def check_plugin(module: ModuleType | str) -> list[type[Configuration]]:
    """Hold a plug-in module to the contract; give what it provides back.

    It must load, stay light (listing it imports no torch), implement hooks that exist, and return
    classes that a recipe can use. Raises ConformanceError that names the rule broken.
    """
    name = module if isinstance(module, str) else module.__name__
    rules = Rules(name)
    with rules.runs("must load as a plug-in"):
        loaded = load_registry([EntryPoint(name=name, value=name, group=PROJECT)])
    for broken in loaded.broken:
        rules.require(False, "must import, and its hooks must run", broken.error)
    provided = [item.config for item in loaded.registrations.values()]
    rules.require(bool(provided), "must provide something", "no hook returned a class")
    for config in provided:
        check_config_class(Rules(config.__name__), config)
        if issubclass(config, ModalityConfig):
            _check_modality_class(config, loaded)
        if issubclass(config, EncoderConfig):
            Rules(config.__name__).require(
                "tuning" in config.model_fields, "an encoder must keep the option `tuning`"
            )
    _check_light(rules, name)
    return provided


def _check_modality_class(config: type[ModalityConfig], loaded: Registry) -> None:
    rules = Rules(config.__name__)
    with rules.runs("must build with defaults: packing and showing need no recipe"):
        config.model_validate({}).build()
    if config.target:
        return
    default = getattr(config, "default_encoder", None)
    rules.require(
        isinstance(default, str),
        'must name its encoder, as `default_encoder: ClassVar[str] = "..."`',
    )
    names = loaded.names("encoder", prefix=f"{config.kind_name()}/")
    if default not in names:
        with contextlib.suppress(PolymodalError):  # what else is installed is not its fault
            names += registry().names("encoder", prefix=f"{config.kind_name()}/")
    rules.require(
        default in names, "its default encoder must exist", f"'{default}' is not among {names}"
    )


def _check_light(rules: Rules, name: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    listing = subprocess.run(
        [sys.executable, "-c", LISTING, name, *HEAVY],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    error = (listing.stderr.strip().splitlines() or [""])[-1]
    rules.require(listing.returncode == 0, "must load as a plug-in in a fresh process", error)
    rules.require(
        not listing.stdout.strip(),
        "listing a plug-in must stay light: import heavy libraries inside build",
        f"it imports {listing.stdout.strip()}",
    )
