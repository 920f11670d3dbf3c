"""Which options every column is packed with: the importer's, then those the user sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polymodal_core.errors import Problem, RecipeError, suggest
from polymodal_core.rows import Column

if TYPE_CHECKING:
    from polymodal_core.config import ModalityConfig
    from polymodal_core.plugins import Registry
    from polymodal_core.protocols import Modality


@dataclass(frozen=True)
class PackedColumn:
    """One column, with the modality that packs its values.

    Its values show the same place as those of kind `registered_with`, where that is not None.
    """

    kind: str
    options: Mapping[str, Any]
    of_classes: bool
    modality: Modality
    registered_with: str | None = None

    def describe(self) -> dict[str, Any]:
        """Give what the store keeps: kind, the options that were set, of_classes."""
        return {"kind": self.kind, "options": dict(self.options), "of_classes": self.of_classes}


def packed_columns(
    columns: Mapping[str, Column],
    *,
    registry: Registry,
    options: Mapping[str, Mapping[str, Any]],
) -> dict[str, PackedColumn]:
    """Build the modality of every column.

    `options` are by name or kind of a column, a name's before a kind's. Raises RecipeError with
    every problem: an unknown column, kind or option, a value of the wrong type.
    """
    from polymodal_core.columns import check_column_name

    problems: list[Problem] = []
    known = {*columns, *(column.kind for column in columns.values())}
    for name, given in options.items():
        if name not in known:
            problems.append(Problem(name, f"is no column or kind here{suggest(name, known)}"))
        elif not isinstance(given, Mapping):
            problems.append(Problem(name, f"must be a table of options; given {given!r}"))
    result = {}
    for name, column in columns.items():
        wrong = check_column_name(name)
        if wrong is not None:
            problems.append(Problem(name, wrong))
            continue
        given = {**_table(options.get(column.kind)), **_table(options.get(name))}
        config = _config(name, column, given, registry, problems)
        if config is not None:
            result[name] = PackedColumn(
                kind=column.kind,
                options=config.model_dump(mode="json", exclude_unset=True, exclude={"kind"}),
                of_classes=column.of_classes or config.of_classes,
                modality=config.build(),
                registered_with=config.registered_with(),
            )
    if problems:
        raise RecipeError(problems, source="packing options")
    return result


def _config(
    name: str,
    column: Column,
    given: Mapping[str, Any],
    registry: Registry,
    problems: list[Problem],
) -> ModalityConfig | None:
    from polymodal_core.problems import problems_of
    from pydantic import ValidationError

    kind = registry.modality(column.kind)
    options = {"kind": column.kind, **column.options, **given}
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        problems += problems_of(error, kind, options, path=name)
        return None


def _table(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {}
