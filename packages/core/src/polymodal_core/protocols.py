"""What a plug-in provides: the protocols of modality and encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from polymodal_core.geometry import WHOLE, Crop

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from polymodal_core.batch import Features, Inputs

    Corruption = Callable[[Any, float, np.random.Generator], Any]

State = dict[str, Any]
"""Plain data (JSON types) that a modality learned from the training split."""


class Modality(Protocol):
    """One kind of value: how it is packed, decoded, transformed, corrupted, collated and shown.

    Subclass it explicitly to inherit the defaults of `fit`, `screen`, `corruptions`, `extent`,
    `window` and `spans`. Instances are immutable and picklable; they are built by
    `ModalityConfig.build(state)`.
    """

    def pack(self, value: Any, root: str | None) -> bytes:
        """Turn a raw value (a path below `root`, text, an array) into the bytes that are stored.

        Raises ValueRejectedError for a value that could not be decoded again.
        """
        ...

    def decode(self, payload: bytes) -> Any:
        """Turn stored bytes into the value that `transform`, `corruptions` and `show` take."""
        ...

    def fit(self, values: Iterable[Any]) -> State:
        """Learn plain data from the decoded training values; most kinds need none."""
        return {}

    def screen(self) -> Callable[[bytes], bool] | None:
        """Give a test of stored bytes, whether training may learn from them; None: from all.

        A value that fails is missing in training, as if its row lacked it. Evaluations see it.
        """
        return None

    def transform(
        self,
        value: Any,
        *,
        training: bool,
        shared: np.random.Generator,
        own: np.random.Generator,
    ) -> Any:
        """Turn a decoded value into an example; random only where `training`.

        `shared` is the same for all columns of a row and serves geometry alone; `own` is the
        column's and serves everything else.
        """
        ...

    def collate(self, examples: Sequence[Any]) -> Inputs:
        """Stack examples into the encoder's inputs, first axis `present`."""
        ...

    def corruptions(self) -> Mapping[str, Corruption]:
        """Ways to damage a decoded value: name to (value, severity in 0..1, generator) to value."""
        return {}

    def extent(self, payload: bytes) -> tuple[int, int] | None:
        """Give height and width in pixels of stored bytes, without decoding them all.

        None for values that have no such thing. Asked of columns that must show the same place
        (`ModalityConfig.registered_with`).
        """
        return None

    def window(self, value: Any) -> Crop:
        """Give the part of what `show` gives that an encoder sees in evaluation."""
        return WHOLE

    def spans(self, value: Any) -> Sequence[tuple[int, int]] | None:
        """Say where in the text that `show` gives each token of an example stands: (start, end).

        Equal ends are a token that stands for no character. None for what is no text.
        """
        return None

    def show(self, value: Any) -> np.ndarray[Any, Any] | str:
        """Give a decoded value as uint8 [height, width, 3] or as text, for reports."""
        ...

    def spec(self) -> dict[str, Any]:
        """What an encoder must know (vocabulary, channels, length, rate), known after `fit`."""
        ...


@dataclass(frozen=True)
class Estimated:
    """An estimate: the bytes that are stored, and how far each pixel is to be trusted.

    `confidence` is float32 [height, width] in 0..1.
    """

    payload: bytes
    confidence: np.ndarray[Any, np.dtype[np.float32]]


class Estimator(Protocol):
    """Makes values of a kind of modality out of those of another: depth out of pictures."""

    def calibrate(self, pairs: Iterable[tuple[Any, Any]]) -> Mapping[str, Any]:
        """Take a scale from decoded pairs of (given value, true value); gives plain data about it.

        Raises PolymodalError where estimates have no scale of their own and the pairs give none.
        """
        ...

    def estimate(self, value: Any) -> Estimated:
        """Estimate from a decoded value."""
        ...


class Encoder(Protocol):
    """Maps a modality's inputs to features; an `nn.Module` with a `feature_dim`.

    An encoder that trains something of its own behind pretrained weights splits itself: its
    submodule `backbone` maps inputs to Features (`pooled` [present, ...], of any form), is what
    `tuning` is about, and is all that is run once where features are cached; its method
    `finish(features) -> Features` does the rest, and `forward` is both. A loss of its own, such as
    that of a reconstruction, goes with the features (`Features.auxiliary`).
    """

    feature_dim: int

    def __call__(self, inputs: Inputs) -> Features:
        """Map inputs [present, ...] to features [present, feature_dim]."""
        ...


class LossOutput(Protocol):
    """What an objective returns: the scalar to minimise, and what it is made of."""

    @property
    def total(self) -> Tensor:
        """Scalar with graph."""
        ...

    @property
    def parts(self) -> Mapping[tuple[str, str], Tensor]:
        """One detached scalar per pair of columns, or per term (`ObjectiveConfig.terms`)."""
        ...

    @property
    def anchors(self) -> Mapping[tuple[str, str], Tensor]:
        """Number of anchors behind each part (int64 scalar); a pair without any counts 0."""
        ...


class Objective(Protocol):
    """A loss over embeddings; an `nn.Module`.

    One that is to train with a fusion takes `compare` too, a collection of pairs of columns or
    None: of the pairs that it compares, only these in this batch, in either order. One that
    predicts labels takes `labels` [batch], -1 where unknown, and one with `needs_joint = True`
    takes `joint` [batch, dim], the embeddings of whole rows. One that predicts a target column
    takes `targets` [batch, ...] by column, -1 where absent, and `maps` (`objective.Segmenter`). One
    whose config names `teachers` takes their embeddings of the batch under that name.
    """

    def __call__(
        self,
        embeddings: Mapping[str, Tensor],
        *,
        present: Mapping[str, Tensor] | None = None,
        groups: Tensor | None = None,
    ) -> LossOutput:
        """Score unit vectors [batch, dim] per column under presence [batch] and groups [batch]."""
        ...
