"""What the distribution registers, and that it does so without torch."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

from polymodal_core.config import ObjectiveConfig
from polymodal_core.plugins import load_registry
from polymodal_losses import plugin
from polymodal_losses.config import InfoNCEConfig, PCMCConfig, PCMRConfig


def test_every_objective_is_found_through_the_entry_point() -> None:
    points = [p for p in entry_points(group="polymodal") if p.value == plugin.__name__]
    registry = load_registry(points)
    assert registry.broken == []
    assert registry.names("objective") == [
        "classification",
        "distillation",
        "domain_adversarial",
        "infonce",
        "kl_divergence",
        "mmd",
        "pcmc",
        "pcmr",
        "segmentation",
        "siglip",
        "sum",
        "trimodal",
    ]
    assert registry.find("objective", "pcmc", ObjectiveConfig) is PCMCConfig
    assert registry.find("objective", "pcmr", ObjectiveConfig) is PCMRConfig
    assert registry.find("objective", "infonce", ObjectiveConfig) is InfoNCEConfig


def test_registering_and_validating_need_no_torch() -> None:
    code = (
        "import sys\n"
        "import polymodal_losses.plugin as plugin\n"
        "for config in plugin.register_objectives():\n"
        "    given = {'pairs': [['a', 'b', 0.5]]}\n"
        "    whole = {'parts': [{'kind': 'pcmc', **given}]}\n"
        "    taught = {**given, 'teacher': 'runs/big'}\n"
        "    options = {'sum': whole, 'distillation': taught}\n"
        "    options |= {'classification': {}, 'segmentation': {}}\n"
        "    config.model_validate(options.get(config.kind_name(), given))\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
