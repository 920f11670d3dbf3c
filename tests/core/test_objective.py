"""What an objective takes and offers."""

from __future__ import annotations

from typing import Any

from polymodal_core.objective import classifier_of, needs_joint, takes
from torch import Tensor, nn

from tests.core.toys import ToyLoss, ToyObjectiveConfig


class Told(nn.Module):
    needs_joint = True

    def forward(self, embeddings: Any, *, labels: Any = None) -> Any:
        raise AssertionError

    def logits(self, columns: Any, embeddings: Tensor) -> Tensor:
        return embeddings


class Anything(nn.Module):
    def forward(self, embeddings: Any, **given: Any) -> Any:
        raise AssertionError


def test_keywords_are_read_from_forward() -> None:
    assert takes(Told(), "labels")
    assert not takes(Told(), "compare")
    assert takes(Anything(), "compare")


def test_parts_are_found_at_any_depth() -> None:
    told = Told()
    whole = nn.ModuleList([ToyLoss(), nn.Sequential(told)])
    assert needs_joint(whole)
    assert classifier_of(whole) is told
    assert not needs_joint(ToyLoss())
    assert classifier_of(ToyLoss()) is None


def test_terms_are_pairs_unless_said_otherwise() -> None:
    config = ToyObjectiveConfig()
    assert config.terms(["a", "b", "c"]) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert ToyObjectiveConfig(pairs=(("b", "a"),)).terms(["a", "b", "c"]) == [("b", "a")]
    assert config.needs() == frozenset()
