"""Recipes: TOML read, overridden, validated whole, resolved and written back."""

from __future__ import annotations

import functools
import operator
import tomllib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import tomli_w
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from polymodal_core.columns import ColumnConfig, Table, parse_columns, parse_targets
from polymodal_core.config import (
    Configuration,
    EmbeddingConfig,
    FusionConfig,
    HeadConfig,
    ModalityConfig,
)
from polymodal_core.errors import PolymodalError, Problem, RecipeError, suggest
from polymodal_core.plugins import Registry
from polymodal_core.problems import problems_of


@dataclass(frozen=True)
class Recipe:
    """A validated recipe: its columns, its sections by name, and the resolved plain table.

    `fusion` is None where columns are towers of their own. `targets` are the columns that are
    predicted: the model knows nothing of them.
    """

    columns: Mapping[str, ColumnConfig]
    embedding: EmbeddingConfig
    sections: Mapping[str, Any]
    table: Table
    fusion: FusionConfig | None = None
    targets: Mapping[str, ModalityConfig] = field(default_factory=dict)


def read_toml(path: Path) -> Table:
    """Read a TOML file; raises RecipeError for a missing file or a syntax error, with its line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError([Problem("", "no such file")], source=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise RecipeError([Problem("", str(error))], source=str(path)) from None


def write_toml(table: Table) -> str:
    """Give a table as TOML text, keys without a value left out."""
    return tomli_w.dumps(_without_none(table))


def override(table: Table, settings: Iterable[str]) -> Table:
    """Apply `--set a.b=value` settings, values read as TOML and else as text.

    Raises RecipeError that lists every setting without '=' or through something not a table.
    """
    result = deepcopy(table)
    problems = []
    for setting in settings:
        path, equals, text = setting.partition("=")
        keys = path.strip().split(".")
        if not equals or not all(keys):
            problems.append(Problem(setting, "is no setting; write --set section.key=value"))
            continue
        target: Any = result
        for key in keys[:-1]:
            target = target.setdefault(key, {}) if isinstance(target, dict) else None
        if not isinstance(target, dict):
            problems.append(Problem(path, f"'{'.'.join(keys[:-1])}' is a value, not a table"))
            continue
        target[keys[-1]] = _value(text.strip())
    if problems:
        raise RecipeError(problems, source="--set")
    return result


def load_recipe(
    table: Table,
    *,
    registry: Registry,
    sections: Mapping[str, Any],
    ignore_others: bool = False,
    source: str = "recipe",
) -> Recipe:
    """Validate a table against the columns' plug-ins and the given `sections`.

    `sections` maps a section's name to its Configuration class, or to a union that the registry
    made. With `ignore_others`, sections not named here are left alone. The section `fusion` may be
    left out, or be false, which is the same. Raises RecipeError with every problem found.
    """
    problems: list[Problem] = []
    known = {"embedding": EmbeddingConfig, **sections}
    parsed: dict[str, Any] = {}
    for name, kind in known.items():
        parsed[name] = _section(kind, table.get(name, {}), name, problems)
    if not ignore_others:
        for name in sorted(table.keys() - known.keys() - {"modalities", "fusion", "seed"}):
            hint = suggest(name, [*known, "modalities", "fusion"])
            problems.append(Problem(name, f"unknown section{hint}"))
    embedding = parsed.pop("embedding") or EmbeddingConfig()
    columns = parse_columns(table.get("modalities"), embedding, registry, problems)
    targets = parse_targets(table.get("modalities"), registry, problems)
    _check_pairs(parsed, columns, problems)
    fusion = _fusion(table.get("fusion", False), registry, columns, problems)
    if problems:
        raise RecipeError(problems, source=source)
    resolved = _resolved(table, columns, embedding, {**parsed, "fusion": fusion})
    resolved["modalities"] |= {name: _dumped(config) for name, config in targets.items()}
    return Recipe(columns, embedding, parsed, resolved, fusion, targets)


def recipe_model(*, registry: Registry, sections: Mapping[str, Any]) -> type[BaseModel]:
    """Make a model of a whole recipe out of whatever is installed, for its JSON schema.

    It takes what `load_recipe` takes, but knows nothing of what columns mean to each other.
    """
    columns: list[Any] = [_SharedColumn]
    for kind in registry.names("modality"):
        config = registry.modality(kind)
        if config.target:
            columns.append(config)
            continue
        encoders = registry.configs("encoder", prefix=f"{kind}/")
        fields: dict[str, Any] = {"head": (HeadConfig, HeadConfig())}
        if encoders:
            # No discriminator: `kind` may be left out where it is the default encoder's.
            fields["encoder"] = (functools.reduce(operator.or_, encoders) | None, None)
        columns.append(create_model(f"{config.__name__}Column", __base__=config, **fields))
    fusion = registry.configs("fusion")
    optional: dict[str, Any] = (
        {"fusion": (registry.union("fusion") | Literal[False], False)} if fusion else {}
    )
    return create_model(
        "Recipe",
        __config__=ConfigDict(extra="forbid"),
        seed=(int, 0),
        modalities=(cast("Any", dict[str, functools.reduce(operator.or_, columns)]), ...),  # type: ignore[misc]
        embedding=(EmbeddingConfig, EmbeddingConfig()),
        **cast("Any", {name: (kind, _default(kind)) for name, kind in sections.items()}),
        **optional,
    )


def recipe_schema(*, registry: Registry, sections: Mapping[str, Any]) -> Table:
    """Give the JSON schema of a whole recipe, made of whatever is installed."""
    return recipe_model(registry=registry, sections=sections).model_json_schema()


class _SharedColumn(Configuration):
    """A column that uses the modality and encoder of another."""

    share: str
    kind: str = ""
    head: HeadConfig = HeadConfig()


def _default(kind: Any) -> Any:
    # A section may be left out where it needs no option.
    try:
        return TypeAdapter(kind).validate_python({})
    except ValidationError:
        return ...


def _section(kind: Any, given: Any, name: str, problems: list[Problem]) -> Any:
    try:
        return TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        problems += problems_of(error, kind, given, path=name)
    except PolymodalError as error:  # out of a plug-in's own check
        problems.append(Problem(name, str(error)))
    return None


def _check_pairs(
    sections: Mapping[str, Any], columns: Mapping[str, ColumnConfig], problems: list[Problem]
) -> None:
    pairs = getattr(sections.get("objective"), "pairs", None)
    for number, pair in enumerate(pairs or ()):
        for name in pair[:2]:
            if name not in columns and columns:
                problems.append(
                    Problem(
                        f"objective.pairs.{number}",
                        f"unknown column '{name}'{suggest(name, columns)}",
                    )
                )


def _fusion(
    given: Any, registry: Registry, columns: Mapping[str, ColumnConfig], problems: list[Problem]
) -> FusionConfig | None:
    if given is False:
        return None
    try:
        kind = registry.union("fusion")
    except PolymodalError as error:
        problems.append(Problem("fusion", str(error)))
        return None
    fusion = cast("FusionConfig | None", _section(kind, given, "fusion", problems))
    for name in getattr(fusion, "columns", None) or ():
        if name not in columns and columns:
            hint = suggest(name, columns)
            problems.append(Problem("fusion.columns", f"unknown column '{name}'{hint}"))
    return fusion


def _resolved(
    table: Table,
    columns: Mapping[str, ColumnConfig],
    embedding: EmbeddingConfig,
    sections: Mapping[str, Any],
) -> Table:
    dump = _dumped
    resolved = deepcopy(table)
    resolved["embedding"] = dump(embedding)
    resolved["modalities"] = {
        name: (
            {"share": column.share, "head": dump(column.head)}
            if column.share is not None
            else {
                **dump(column.modality),
                "encoder": dump(column.encoder),
                "head": dump(column.head),
            }
        )
        for name, column in columns.items()
    }
    for name, section in sections.items():
        resolved[name] = None if section is None else dump(section)
    return cast("Table", _without_none(resolved))


def _dumped(config: Configuration) -> Table:
    return cast("Table", _without_none(config.model_dump(mode="json")))


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value if item is not None]
    return value
