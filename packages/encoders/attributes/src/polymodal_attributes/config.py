"""Options of attribute vectors and of their encoders."""

from __future__ import annotations

from typing import ClassVar, Literal

from polymodal_core.vectors import VectorConfig, VectorIdentityConfig, VectorMLPConfig


class AttributesConfig(VectorConfig):
    """Attribute vectors: one per picture or object, a number per attribute."""

    kind: Literal["attributes"] = "attributes"


class AttributesMLPConfig(VectorMLPConfig):
    """Two linear layers with GELU between."""

    modality: ClassVar[str] = "attributes"
    kind: Literal["mlp"] = "mlp"


class AttributesIdentityConfig(VectorIdentityConfig):
    """The normalised vector itself."""

    modality: ClassVar[str] = "attributes"
    kind: Literal["identity"] = "identity"
