"""Options of class prototypes and of their encoders."""

from __future__ import annotations

from typing import ClassVar, Literal

from polymodal_core.vectors import VectorConfig, VectorIdentityConfig, VectorMLPConfig


class PrototypesConfig(VectorConfig):
    """Class prototypes: a vector that stands for a class, given or averaged.

    A value of several vectors [instances, dim] is packed as their mean: the prototype of a class
    out of the vectors of its instances (pcmc-pcmr, section 4).
    """

    of_classes: ClassVar[bool] = True
    average: ClassVar[bool] = True
    kind: Literal["prototypes"] = "prototypes"


class PrototypesMLPConfig(VectorMLPConfig):
    """Two linear layers with GELU between."""

    modality: ClassVar[str] = "prototypes"
    kind: Literal["mlp"] = "mlp"


class PrototypesIdentityConfig(VectorIdentityConfig):
    """The normalised vector itself."""

    modality: ClassVar[str] = "prototypes"
    kind: Literal["identity"] = "identity"
