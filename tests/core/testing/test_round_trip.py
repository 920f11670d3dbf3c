"""The round trip of a modality's values: texts and arrays must come back as they were."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import pytest
import torch
from polymodal_core.config import ModalityConfig
from polymodal_core.protocols import Modality
from polymodal_core.testing import ConformanceError, check_modality


class TextModality(Modality):
    """Text by its number of letters."""

    def __init__(self, upper: bool) -> None:
        self.upper = upper

    def pack(self, value: Any, root: str | None) -> bytes:
        return str(value).encode()

    def decode(self, payload: bytes) -> str:
        return payload.decode().upper() if self.upper else payload.decode()

    def transform(self, value: str, *, training: bool, shared: Any, own: Any) -> int:
        return len(value)

    def collate(self, examples: Any) -> torch.Tensor:
        return torch.tensor(examples)

    def show(self, value: str) -> str:
        return value

    def spec(self) -> dict[str, Any]:
        return {"letters": 26}


class TextConfig(ModalityConfig):
    """Text."""

    kind: Literal["text"] = "text"
    default_encoder: ClassVar[str] = "none"
    upper: bool = False

    def build(self, state: dict[str, Any] | None = None) -> TextModality:
        return TextModality(self.upper)


class ArrayModality(TextModality):
    """Arrays of whole numbers, packed too small."""

    def pack(self, value: Any, root: str | None) -> bytes:
        return bytes(np.asarray(value).astype(np.uint8).tobytes())

    def decode(self, payload: bytes) -> Any:
        return np.frombuffer(payload, np.uint8).astype(np.int64)

    def show(self, value: Any) -> str:
        return "numbers"


class ArrayConfig(TextConfig):
    """Arrays."""

    def build(self, state: dict[str, Any] | None = None) -> ArrayModality:
        return ArrayModality(upper=False)


def test_arrays_that_come_back_in_their_own_form_must_be_equal() -> None:
    check_modality(ArrayConfig(), [np.array([1, 2]), np.array([3])])
    with pytest.raises(ConformanceError, match="must give back the value that was packed"):
        check_modality(ArrayConfig(), [np.array([1, 2]), np.array([300])])


def test_what_comes_back_must_be_what_was_packed() -> None:
    with pytest.raises(
        ConformanceError, match="must give back the value that was packed; 'a' came back as 'A'"
    ):
        check_modality(TextConfig(upper=True), ["a", "b"])
    check_modality(TextConfig(), ["a", "cafe\u0301"])
    with pytest.raises(ConformanceError, match="must give back the value that was packed"):
        check_modality(TextConfig(), ["a", "b"], round_trip=lambda value, decoded: value == "a")
