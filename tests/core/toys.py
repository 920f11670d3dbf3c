"""A small kind of modality with its encoders and objective, and distributions made on the spot."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from polymodal_core.batch import Features
from polymodal_core.config import EncoderConfig, ModalityConfig, ObjectiveConfig
from polymodal_core.errors import ValueRejectedError
from polymodal_core.plugins import Registry
from polymodal_core.protocols import Modality, State
from torch import Tensor, nn


class NumberModality(Modality):
    """Numbers, shifted by the mean of the training split."""

    def __init__(self, jitter: float, mean: float) -> None:
        self.jitter, self.mean = jitter, mean

    def pack(self, value: Any, root: str | None) -> bytes:
        if not isinstance(value, float):
            raise ValueRejectedError(f"{value!r} is no float")
        return struct.pack("<d", value)

    def decode(self, payload: bytes) -> float:
        return float(struct.unpack("<d", payload)[0])

    def fit(self, values: Iterable[float]) -> State:
        numbers = list(values)
        return {"mean": sum(numbers) / len(numbers)}

    def transform(self, value: float, *, training: bool, shared: Any, own: Any) -> float:
        return value - self.mean + (self.jitter * own.standard_normal() if training else 0.0)

    def collate(self, examples: Sequence[float]) -> Tensor:
        return torch.tensor(examples).float()[:, None]

    def corruptions(self) -> Mapping[str, Any]:
        return {"noise": lambda value, severity, rng: value + severity * float(rng.normal())}

    def show(self, value: float) -> str:
        return f"{value:.3g}"

    def spec(self) -> dict[str, Any]:
        return {"width": 1}


class NumberConfig(ModalityConfig):
    """Numbers."""

    kind: Literal["number"] = "number"
    default_encoder: ClassVar[str] = "linear"
    jitter: float = 0.1
    unit: str | None = None

    def build(self, state: State | None = None) -> NumberModality:
        return NumberModality(self.jitter, (state or {"mean": 0.0})["mean"])


class NumberNet(nn.Module):
    """A linear layer with BatchNorm and dropout, so that modes can be told apart."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.feature_dim = dim
        self.layers = nn.Sequential(
            nn.Linear(width, dim), nn.BatchNorm1d(dim), nn.Dropout(0.5), nn.Linear(dim, dim)
        )

    def forward(self, inputs: Tensor) -> Features:
        return Features(self.layers(inputs))


class LinearConfig(EncoderConfig):
    """An encoder of numbers."""

    kind: Literal["linear"] = "linear"
    modality: ClassVar[str] = "number"
    dim: int = 4

    def build(self, *, width: int) -> NumberNet:
        return NumberNet(width, self.dim)


class PretrainedConfig(EncoderConfig):
    """An encoder that fixes an option of its modality."""

    kind: Literal["pretrained"] = "pretrained"
    modality: ClassVar[str] = "number"
    unit: str = "metre"

    def requires(self) -> dict[str, Any]:
        return {"unit": self.unit}

    def build(self, *, width: int) -> NumberNet:
        return NumberNet(width, 4)


@dataclass(frozen=True)
class ToyOutput:
    """What the toy objective gives."""

    total: Tensor
    parts: dict[tuple[str, str], Tensor]
    anchors: dict[tuple[str, str], Tensor]


class ToyLoss(nn.Module):
    """Squared distance of the two columns of the rows that have both."""

    def forward(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor] | None = None,
        groups: Tensor | None = None,
    ) -> ToyOutput:
        (a, za), (b, zb) = embeddings.items()
        both = torch.ones(len(za), dtype=torch.bool) if present is None else present[a] & present[b]
        total = (za[both] - zb[both]).square().sum()
        return ToyOutput(total, {(a, b): total.detach()}, {(a, b): both.sum()})


class ToyObjectiveConfig(ObjectiveConfig):
    """A toy objective."""

    kind: Literal["toy"] = "toy"
    margin: float = 0.5

    def build(self) -> ToyLoss:
        return ToyLoss()


class OtherObjectiveConfig(ObjectiveConfig):
    """Another toy objective."""

    kind: Literal["other"] = "other"

    def build(self) -> ToyLoss:
        return ToyLoss()


def toy_registry() -> Registry:
    """Give a registry with the toys alone."""
    registry = Registry()
    registry.add("modality", NumberConfig, "toys")
    registry.add("encoder", LinearConfig, "toys")
    registry.add("encoder", PretrainedConfig, "toys")
    registry.add("objective", ToyObjectiveConfig, "toys")
    registry.add("objective", OtherObjectiveConfig, "toys")
    return registry


def write_distribution(
    folder: Path, name: str, points: Mapping[str, str], sources: Mapping[str, str]
) -> None:
    """Lay out an installed distribution: its metadata, entry points and modules."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{key} = {value}" for key, value in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[polymodal]", *lines]) + "\n")
    for module, source in sources.items():
        (folder / f"{module}.py").write_text(source)


def entry_points_in(folder: Path) -> list[EntryPoint]:
    """List the entry points of the distributions laid out in a folder."""
    return [
        point
        for distribution in distributions(path=[str(folder)])
        for point in distribution.entry_points
        if point.group == "polymodal"
    ]


IMPORTER = '''
from typing import Literal
from polymodal_core import ImporterConfig, hookimpl


class {name}(ImporterConfig):
    """An importer."""

    kind: Literal["{kind}"] = "{kind}"


@hookimpl
def register_importers():
    return [{name}]
'''


def importer_module(kind: str, name: str = "SomeConfig") -> str:
    """Give the source of a plug-in module with one importer."""
    return IMPORTER.format(name=name, kind=kind)
