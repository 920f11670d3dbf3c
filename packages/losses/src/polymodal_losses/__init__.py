"""Objectives over any number of modalities: plain modules over dicts of tensors."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polymodal_losses.adversarial import DomainAdversarial
    from polymodal_losses.classification import Classification
    from polymodal_losses.discrepancy import MMD
    from polymodal_losses.distillation import Distillation
    from polymodal_losses.gaussian_divergence import KLDivergence
    from polymodal_losses.info_nce import InfoNCE
    from polymodal_losses.output import LossOutput
    from polymodal_losses.pcmc import PCMC
    from polymodal_losses.pcmr import PCMR
    from polymodal_losses.segmentation import Segmentation
    from polymodal_losses.siglip import SigLIP
    from polymodal_losses.sum import Sum
    from polymodal_losses.trimodal import Trimodal

__all__ = [
    "MMD",
    "PCMC",
    "PCMR",
    "Classification",
    "Distillation",
    "DomainAdversarial",
    "InfoNCE",
    "KLDivergence",
    "LossOutput",
    "Segmentation",
    "SigLIP",
    "Sum",
    "Trimodal",
]

# Resolved on first use, so that listing this plug-in never imports torch.
_MODULES = {
    "PCMC": "pcmc",
    "PCMR": "pcmr",
    "Distillation": "distillation",
    "InfoNCE": "info_nce",
    "LossOutput": "output",
    "SigLIP": "siglip",
    "Sum": "sum",
    "Trimodal": "trimodal",
    "Classification": "classification",
    "Segmentation": "segmentation",
    "MMD": "discrepancy",
    "KLDivergence": "gaussian_divergence",
    "DomainAdversarial": "adversarial",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
