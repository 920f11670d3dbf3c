"""Recipes: TOML read, overridden, validated whole, resolved and written back."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import tomli_w
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from polymodal_core.config import (
    Configuration,
    EmbeddingConfig,
    EncoderConfig,
    HeadConfig,
    ModalityConfig,
    problems_of,
)
from polymodal_core.errors import PolymodalError, Problem, RecipeError, suggest
from polymodal_core.plugins import Registry

RESERVED = {"instance", "label", "split"}
COLUMN_NAME = re.compile(r"[a-z](?:[a-z0-9_]*[a-z0-9])?")
Table = dict[str, Any]
C = TypeVar("C", bound=Configuration)


@dataclass(frozen=True)
class ColumnConfig:
    """One column of a recipe: its modality, encoder and head.

    `share` names the column whose modality and encoder this one uses; its head is its own.
    """

    name: str
    modality: ModalityConfig
    encoder: EncoderConfig
    head: HeadConfig
    share: str | None = None

    @property
    def owner(self) -> str:
        """Name of the column that owns the encoder and the fitted state."""
        return self.name if self.share is None else self.share


@dataclass(frozen=True)
class Recipe:
    """A validated recipe: its columns, its sections by name, and the resolved plain table."""

    columns: Mapping[str, ColumnConfig]
    embedding: EmbeddingConfig
    sections: Mapping[str, Any]
    table: Table


def check_column_name(name: str) -> str | None:
    """Say what is wrong with a column's name; None if nothing."""
    if name in RESERVED:
        return f"'{name}' is the name of a row column; choose another"
    if not COLUMN_NAME.fullmatch(name):
        return f"column name '{name}' is not lower-case letters, digits and inner underscores"
    return None


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
    made. With `ignore_others`, sections not named here are left alone. Raises RecipeError with
    every problem found.
    """
    problems: list[Problem] = []
    known = {"embedding": EmbeddingConfig, **sections}
    parsed: dict[str, Any] = {}
    for name, kind in known.items():
        parsed[name] = _section(kind, table.get(name, {}), name, problems)
    if not ignore_others:
        for name in table.keys() - known.keys() - {"modalities", "seed"}:
            hint = suggest(name, [*known, "modalities"])
            problems.append(Problem(name, f"unknown section{hint}"))
    embedding = parsed.pop("embedding") or EmbeddingConfig()
    columns = _columns(table.get("modalities"), embedding, registry, problems)
    _check_pairs(parsed, columns, problems)
    if problems:
        raise RecipeError(problems, source=source)
    return Recipe(columns, embedding, parsed, _resolved(table, columns, embedding, parsed))


def recipe_schema(*, registry: Registry, sections: Mapping[str, Any]) -> Table:
    """Give the JSON schema of a whole recipe, made of whatever is installed."""
    kinds = []
    for kind in registry.names("modality"):
        config = registry.modality(kind)
        fields: dict[str, Any] = {"head": (HeadConfig, HeadConfig()), "share": (str | None, None)}
        if registry.names("encoder", prefix=f"{kind}/"):
            fields["encoder"] = (registry.union("encoder", prefix=f"{kind}/"), ...)
        kinds.append(create_model(f"{config.__name__}Column", __base__=config, **fields))
    column: Any = kinds[0] if kinds else dict
    for other in kinds[1:]:
        column = column | other
    model: type[BaseModel] = create_model(
        "Recipe",
        __config__=ConfigDict(extra="forbid"),
        modalities=(dict[str, column], ...),
        embedding=(EmbeddingConfig, EmbeddingConfig()),
        **cast("Any", {name: (kind, ...) for name, kind in sections.items()}),
    )
    return model.model_json_schema()


def _section(kind: Any, given: Any, name: str, problems: list[Problem]) -> Any:
    try:
        return TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        problems += problems_of(error, kind, given, path=name)
        return None


def _columns(
    given: Any, embedding: EmbeddingConfig, registry: Registry, problems: list[Problem]
) -> dict[str, ColumnConfig]:
    if not isinstance(given, Mapping) or not given:
        problems.append(
            Problem("modalities", "no column is declared; add a table such as [modalities.image]")
        )
        return {}
    columns: dict[str, ColumnConfig] = {}
    for name, options in sorted(given.items(), key=lambda pair: _shares(pair[1])):
        path = f"modalities.{name}"
        wrong = check_column_name(name)
        if wrong is not None or not isinstance(options, Mapping):
            problems.append(Problem(path, wrong or f"must be a table; given {options!r}"))
        elif "share" in options:
            column = _shared_column(name, options, given, columns, embedding, problems)
            if column is not None:
                columns[name] = column
        else:
            column = _own_column(name, dict(options), embedding, registry, problems)
            if column is not None:
                columns[name] = column
    return {name: columns[name] for name in given if name in columns}


def _shares(options: Any) -> bool:
    return isinstance(options, Mapping) and "share" in options


def _own_column(
    name: str,
    options: Table,
    embedding: EmbeddingConfig,
    registry: Registry,
    problems: list[Problem],
) -> ColumnConfig | None:
    path = f"modalities.{name}"
    kind = options.pop("kind", name)
    encoder_options = options.pop("encoder", {})
    head_options = options.pop("head", None)
    before = len(problems)
    head = embedding.head
    if head_options is not None:
        head = _validated(HeadConfig, head_options, f"{path}.head", problems) or head
    try:
        config = registry.modality(kind)
    except PolymodalError as error:
        hint = "" if kind != name else '; if the column has a name of its own, say kind = "..."'
        problems.append(Problem(f"{path}.kind", f"{error}{hint}"))
        return None
    encoder = _encoder(config, encoder_options, registry, f"{path}.encoder", problems)
    required = _requirements(encoder, f"{path}.encoder", problems)
    _check_requirements(required, options, path, problems)
    modality = _validated(config, {"kind": kind, **required, **options}, path, problems)
    if len(problems) > before or encoder is None or modality is None:
        return None
    return ColumnConfig(name, modality, encoder, head)


def _encoder(
    config: type[ModalityConfig],
    options: Any,
    registry: Registry,
    path: str,
    problems: list[Problem],
) -> EncoderConfig | None:
    if not isinstance(options, Mapping):
        problems.append(Problem(path, f"must be a table; given {options!r}"))
        return None
    chosen = options.get("kind", config.default_encoder)
    try:
        encoder = registry.encoder(config.kind_name(), str(chosen))
    except PolymodalError as error:
        problems.append(Problem(f"{path}.kind", str(error)))
        return None
    return _validated(encoder, {**options, "kind": chosen}, path, problems)


def _requirements(
    encoder: EncoderConfig | None, path: str, problems: list[Problem]
) -> dict[str, Any]:
    try:
        return {} if encoder is None else encoder.requires()
    except PolymodalError as error:
        problems.append(Problem(path, str(error)))
        return {}


def _check_requirements(
    required: Mapping[str, Any], options: Table, path: str, problems: list[Problem]
) -> None:
    for key, value in required.items():
        if key in options and _plain(options[key]) != _plain(value):
            problems.append(
                Problem(
                    f"{path}.{key}",
                    f"{options[key]!r} contradicts the encoder's pretrained weights, which need "
                    f"{value!r}; leave it out",
                )
            )


def _shared_column(
    name: str,
    options: Mapping[str, Any],
    given: Mapping[str, Any],
    columns: Mapping[str, ColumnConfig],
    embedding: EmbeddingConfig,
    problems: list[Problem],
) -> ColumnConfig | None:
    path = f"modalities.{name}"
    share = options["share"]
    if share not in given or share == name or _shares(given[share]):
        others = [other for other in given if other != name and not _shares(given[other])]
        problems.append(
            Problem(
                f"{path}.share",
                f"'{share}' is no column with an own encoder{suggest(str(share), others)}",
            )
        )
        return None
    for key in options.keys() - {"share", "head", "kind"}:
        problems.append(
            Problem(f"{path}.{key}", f"belongs to the shared column; set modalities.{share}.{key}")
        )
    source = columns.get(share)
    if source is None:  # its own problems are already listed
        return None
    if options.get("kind", source.modality.kind) != source.modality.kind:
        problems.append(
            Problem(
                f"{path}.kind",
                f"'{options['kind']}' differs from the shared column's '{source.modality.kind}'",
            )
        )
        return None
    head = embedding.head
    if "head" in options:
        head = _validated(HeadConfig, options["head"], f"{path}.head", problems) or head
    return ColumnConfig(name, source.modality, source.encoder, head, share)


def _validated(config: type[C], options: Any, path: str, problems: list[Problem]) -> C | None:
    try:
        return config.model_validate(options)
    except ValidationError as error:
        problems += problems_of(error, config, options, path=path)
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


def _resolved(
    table: Table,
    columns: Mapping[str, ColumnConfig],
    embedding: EmbeddingConfig,
    sections: Mapping[str, Any],
) -> Table:
    dump: Callable[[Configuration], Table] = lambda item: item.model_dump(mode="json")  # noqa: E731
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
        resolved[name] = dump(section)
    return cast("Table", _without_none(resolved))


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value if item is not None]
    return value
