"""Options of vector modalities and their encoders: what attributes and prototypes have in common.

A kind of vector subclasses these with its own `kind`, and `modality` for an encoder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from polymodal_core.config import EncoderConfig, ModalityConfig

if TYPE_CHECKING:
    from polymodal_core.model import PooledEncoder
    from polymodal_core.protocols import State
    from polymodal_core.vector_modality import VectorModality


class VectorConfig(ModalityConfig):
    """Float vectors, all of one length.

    `normalise`: `standard` gives every dimension mean 0 and standard deviation 1 over the training
    split, `unit` gives every vector length 1, `none` leaves them. `names` of the dimensions make a
    report name the strongest; without them it draws bars.
    """

    default_encoder: ClassVar[str] = "mlp"
    average: ClassVar[bool] = False
    normalise: Literal["standard", "none", "unit"] = "standard"
    names: tuple[str, ...] | None = None

    def build(self, state: State | None = None) -> VectorModality:
        """Build the modality, with what `fit` learned where it has been fitted."""
        from polymodal_core.vector_modality import VectorModality

        return VectorModality(
            normalise=self.normalise, names=self.names, average=self.average, state=state
        )


class VectorMLPConfig(EncoderConfig):
    """Two linear layers with GELU between; `hidden` is the width of both."""

    hidden: int = Field(default=256, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)

    def build(self, *, dim: int) -> PooledEncoder:
        """Build the encoder: [present, dim] to features [present, hidden]."""
        from torch import nn

        from polymodal_core.model import PooledEncoder

        layers = nn.Sequential(
            nn.Linear(dim, self.hidden),
            nn.GELU(),
            nn.Dropout(self.dropout),
            nn.Linear(self.hidden, self.hidden),
        )
        return PooledEncoder(layers, feature_dim=self.hidden)


class VectorIdentityConfig(EncoderConfig):
    """The normalised vector itself, for features that are good already."""

    def build(self, *, dim: int) -> PooledEncoder:
        """Build the encoder: [present, dim] to features [present, dim]."""
        from torch import nn

        from polymodal_core.model import PooledEncoder

        return PooledEncoder(nn.Identity(), feature_dim=dim)
