"""Rules of configurations."""

from __future__ import annotations

from typing import Literal

import pytest
from polymodal_core.config import ImporterConfig, ModalityConfig, ObjectiveConfig
from polymodal_core.testing import ConformanceError
from polymodal_core.testing.configs import check_config
from polymodal_core.testing.rules import Rules
from pydantic import ConfigDict, field_serializer

from tests.core.toys import NumberConfig

RULES = Rules("subject")


class KindlessConfig(ImporterConfig):
    """It has no kind of its own."""

    kind: str


class LooseConfig(ImporterConfig):
    """It takes unknown keys."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: Literal["loose"] = "loose"


class MutableConfig(ImporterConfig):
    """It can be changed."""

    model_config = ConfigDict(extra="forbid", frozen=False)
    kind: Literal["mutable"] = "mutable"


class LossyConfig(ImporterConfig):
    """It writes something else than it holds."""

    kind: Literal["lossy"] = "lossy"
    size: int = 3

    @field_serializer("size")
    def _write(self, size: int) -> int:
        return size + 1


class UnreadableConfig(ImporterConfig):
    """It does not read what it writes."""

    kind: Literal["unreadable"] = "unreadable"
    size: int = 3

    @field_serializer("size")
    def _write(self, size: int) -> str:
        return f"{size} px"


class OtherKindConfig(ImporterConfig):
    """Its instances say another kind."""

    kind: str = "other"


class UnpicklableConfig(ImporterConfig):
    """It cannot be pickled."""

    kind: Literal["unpicklable"] = "unpicklable"

    def __reduce__(self) -> str:
        raise TypeError("no")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (KindlessConfig(kind="x"), "must declare its kind"),
        (LooseConfig(), "must refuse unknown keys"),
        (MutableConfig(), "must be frozen"),
        (LossyConfig(), "must come back equal from model_dump"),
        (UnreadableConfig(), "must survive model_dump"),
        (OtherKindConfig(kind="another"), "the kind of an instance must be the kind of its class"),
        (UnpicklableConfig(), "must be picklable"),
    ],
    ids=lambda item: type(item).__name__,
)
def test_a_broken_rule_is_named(config: ImporterConfig, message: str) -> None:
    with pytest.raises(ConformanceError, match=f"subject: {message}"):
        check_config(RULES, config, ImporterConfig)


class SchemalessConfig(ImporterConfig):
    """It holds a type that JSON knows nothing of."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    kind: Literal["schemaless"] = "schemaless"
    view: memoryview = memoryview(b"")


def test_a_type_without_a_json_schema_is_named() -> None:
    with pytest.raises(ConformanceError, match="must give a JSON schema"):
        check_config(RULES, SchemalessConfig(), ImporterConfig)


def test_a_right_one_passes() -> None:
    check_config(RULES, NumberConfig(), ModalityConfig)


def test_another_base_is_named() -> None:
    with pytest.raises(
        ConformanceError, match="must be of class ObjectiveConfig; NumberConfig is not"
    ):
        check_config(RULES, NumberConfig(), ObjectiveConfig)
