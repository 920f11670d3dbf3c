"""Inertial windows as a modality of polymodal: six channels of acceleration and rotation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from polymodal_core import EncoderConfig, Modality, ModalityConfig, ValueRejectedError, hookimpl


class InertialConfig(ModalityConfig):
    """Windows of `samples` samples of 6 channels: acceleration, then rotation, along x, y, z."""

    kind: Literal["inertial"] = "inertial"
    default_encoder: ClassVar[str] = "convnet"
    samples: int = 128

    def build(self, state: dict[str, Any] | None = None) -> InertialModality:
        """Build the modality."""
        return InertialModality(self.samples, state or {"mean": 0.0, "std": 1.0})


class InertialModality(Modality):
    """Windows [samples, 6], each channel normalised over the training split."""

    def __init__(self, samples: int, state: dict[str, Any]) -> None:
        self.samples, self.state = samples, state

    def pack(self, value: Any, root: str | None) -> bytes:
        """Give the float32 bytes of an array [samples, 6]."""
        window = np.asarray(value, dtype="<f4")
        if window.shape != (self.samples, 6) or not np.isfinite(window).all():
            raise ValueRejectedError(f"wanted finite numbers [{self.samples}, 6]")
        return window.tobytes()

    def decode(self, payload: bytes) -> Any:
        """Give the window [samples, 6]."""
        return np.frombuffer(payload, "<f4").reshape(-1, 6)

    def fit(self, values: Iterable[Any]) -> dict[str, Any]:
        """Learn the mean and standard deviation of each channel."""
        windows = np.concatenate(list(values))
        return {"mean": windows.mean(0).tolist(), "std": windows.std(0).clip(1e-6).tolist()}

    def transform(self, value: Any, *, training: bool, shared: Any, own: Any) -> Any:
        """Normalise a window; in training the gains of its channels vary by a tenth."""
        gains = own.normal(1.0, 0.1, value.shape[1]) if training else 1.0
        return gains * (value - self.state["mean"]) / np.array(self.state["std"])

    def collate(self, examples: Sequence[Any]) -> Any:
        """Stack windows to float32 [present, channels, samples]."""
        import torch

        return torch.from_numpy(np.stack(examples)).float().transpose(1, 2).contiguous()

    def corruptions(self) -> dict[str, Any]:
        """Lose samples."""
        return {"lose": lambda value, share, rng: value * (rng.random((len(value), 1)) >= share)}

    def show(self, value: Any) -> Any:
        """Draw each channel as a strip, dark for low and bright for high."""
        strips = np.interp(value.T, (value.min(), value.max()), (0, 255)).repeat(12, axis=0)
        return strips[:, :, None].repeat(3, axis=2).astype(np.uint8)

    def spec(self) -> dict[str, Any]:
        """Give the number of channels."""
        return {"channels": 6}


class ConvNetConfig(EncoderConfig):
    """Three convolutions over time, then their mean; `width` channels."""

    kind: Literal["convnet"] = "convnet"
    modality: ClassVar[str] = "inertial"
    width: int = 64

    def build(self, *, channels: int) -> Any:
        """Build the encoder."""
        from polymodal_core import PooledEncoder
        from torch import nn

        layers: list[nn.Module] = []
        for inside in (channels, self.width, self.width):
            layers += [nn.Conv1d(inside, self.width, 5, stride=2, padding=2), nn.GELU()]
        module = nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten())
        return PooledEncoder(module, feature_dim=self.width)


@hookimpl
def register_modalities() -> Sequence[type[ModalityConfig]]:
    """Add the kind `inertial`."""
    return [InertialConfig]


@hookimpl
def register_encoders() -> Sequence[type[EncoderConfig]]:
    """Add its encoder."""
    return [ConvNetConfig]
