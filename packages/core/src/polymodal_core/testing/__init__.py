"""The conformance kit: one function per kind of plug-in that fails with the rule it breaks.

First-party and third-party plug-ins pass the same checks; each raises ConformanceError.
"""

from polymodal_core.testing.encoder import check_encoder
from polymodal_core.testing.fusion import check_fusion
from polymodal_core.testing.importer import check_importer
from polymodal_core.testing.modality import check_modality
from polymodal_core.testing.objective import check_objective
from polymodal_core.testing.plugin import check_plugin
from polymodal_core.testing.rules import ConformanceError
from polymodal_core.testing.task import check_task

__all__ = [
    "ConformanceError",
    "check_encoder",
    "check_fusion",
    "check_importer",
    "check_modality",
    "check_objective",
    "check_plugin",
    "check_task",
]
