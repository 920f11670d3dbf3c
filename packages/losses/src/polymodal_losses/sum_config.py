"""A sum of objectives as a section of a recipe: `[objective]` with `[[objective.parts]]`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from polymodal_core.config import Configuration, ObjectiveConfig
from polymodal_core.errors import PolymodalError
from polymodal_core.problems import problems_of
from pydantic import (
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

if TYPE_CHECKING:
    from torch import nn

    from polymodal_losses.sum import Sum


def _describe(schema: dict[str, Any]) -> None:
    weight = schema["properties"]["weight"]
    schema["properties"] = {"kind": {"type": "string"}, "weight": weight}
    schema["required"] = ["kind"]
    schema["additionalProperties"] = True


class PartConfig(Configuration):
    """An objective of a sum: its own options, its `kind` among them, beside its `weight`."""

    # What a part holds depends on its kind, which may be any that is installed.
    model_config = ConfigDict(json_schema_extra=_describe)

    weight: float = Field(default=1.0, ge=0)
    objective: SerializeAsAny[ObjectiveConfig]

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or isinstance(given.get("objective"), ObjectiveConfig):
            return given
        options = dict(given)
        weight = options.pop("weight", 1.0)
        return {"weight": weight, "objective": _read_objective(options)}

    @model_serializer(mode="plain")
    def _write(self) -> dict[str, Any]:
        return {"weight": self.weight, **self.objective.model_dump(mode="json")}


class SumConfig(ObjectiveConfig):
    """The weighted sum of several objectives, each an entry of `parts`.

    `groups` is that of all parts; `pairs` are each part's own.
    """

    kind: Literal["sum"] = "sum"
    parts: tuple[PartConfig, ...] = Field(min_length=1)

    @field_validator("pairs")
    @classmethod
    def _check_pairs(cls, pairs: Any) -> Any:
        if pairs is not None:
            raise ValueError("belongs to the parts of a sum; name them in objective.parts")
        return pairs

    @field_validator("parts")
    @classmethod
    def _share_groups(
        cls, parts: tuple[PartConfig, ...], info: ValidationInfo
    ) -> tuple[PartConfig, ...]:
        groups = info.data.get("groups", "none")
        return tuple(_with_groups(part, groups, number) for number, part in enumerate(parts))

    def weights(self) -> dict[tuple[str, str], float] | None:
        """Give the pairs that any part compares, with their weights summed; None for all pairs."""
        found: dict[tuple[str, str], float] = {}
        for part in self.parts:
            own = part.objective.weights()
            if own is None:
                return None
            for pair, weight in own.items():
                known = pair[::-1] if pair[::-1] in found else pair
                found[known] = found.get(known, 0.0) + part.weight * weight
        return found

    def teachers(self) -> tuple[str, ...]:
        """Name the teachers of all parts."""
        return tuple(name for part in self.parts for name in part.objective.teachers())

    def terms(self, columns: Collection[str]) -> list[tuple[str, str]]:
        """Name what any part is made of."""
        found = (part.objective.terms(columns) for part in self.parts)
        return list(dict.fromkeys(term for terms in found for term in terms))

    def needs(self) -> frozenset[str]:
        """Name what any part needs."""
        return frozenset().union(*(part.objective.needs() for part in self.parts))

    def build(self, **given: Any) -> Sum:
        """Build the objectives, each from what it needs, and their sum."""
        from polymodal_losses.sum import Sum

        built: dict[str, tuple[float, nn.Module]] = {}
        for part in self.parts:
            kind = part.objective.kind
            same = sum(name.split(" ")[0] == kind for name in built)
            name = kind if same == 0 else f"{kind} {same + 1}"
            own = {need: given[need] for need in part.objective.needs()}
            built[name] = (part.weight, cast("nn.Module", part.objective.build(**own)))
        return Sum(built)


def _read_objective(options: dict[str, Any]) -> ObjectiveConfig:
    from polymodal_core.plugins import registry

    kind = options.get("kind")
    if not isinstance(kind, str):
        raise ValueError(f'needs a kind, as in kind = "pcmc"; given {options!r}')
    try:
        found = registry().find("objective", kind, ObjectiveConfig)
        return found.model_validate(options)
    except ValidationError as error:
        problems = "; ".join(str(item) for item in problems_of(error, found, options))
        raise ValueError(f"{kind}: {problems}") from None
    except PolymodalError as error:
        raise ValueError(str(error)) from None


def _with_groups(part: PartConfig, groups: str, number: int) -> PartConfig:
    own = part.objective.groups
    if own == groups:
        return part
    if own != "none":
        raise ValueError(
            f'parts.{number} says groups = "{own}", the sum groups = "{groups}": one batch has one '
            f"kind of groups; set objective.groups and leave it out of the parts"
        )
    options = {**part.objective.model_dump(mode="json"), "groups": groups}
    return PartConfig(weight=part.weight, objective=_read_objective(options))
