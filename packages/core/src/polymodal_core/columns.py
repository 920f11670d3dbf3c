"""The columns of a recipe: each one's modality, encoder and head, validated against plug-ins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from polymodal_core.config import (
    Configuration,
    EmbeddingConfig,
    EncoderConfig,
    HeadConfig,
    ModalityConfig,
)
from polymodal_core.errors import PolymodalError, Problem, suggest
from polymodal_core.plugins import Registry
from polymodal_core.problems import problems_of

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


def check_column_name(name: str) -> str | None:
    """Say what is wrong with a column's name; None if nothing."""
    if name in RESERVED:
        return f"'{name}' is the name of a row column; choose another"
    if not COLUMN_NAME.fullmatch(name):
        return f"column name '{name}' is not lower-case letters, digits and inner underscores"
    return None


def parse_columns(
    given: Any, embedding: EmbeddingConfig, registry: Registry, problems: list[Problem]
) -> dict[str, ColumnConfig]:
    """Validate the `modalities` table of a recipe, appending every problem found to `problems`.

    Targets are left out (`parse_targets`).
    """
    if not isinstance(given, Mapping) or not given:
        problems.append(
            Problem("modalities", "no column is declared; add a table such as [modalities.image]")
        )
        return {}
    given = {name: item for name, item in given.items() if not is_target(name, item, registry)}
    if not given:
        message = "targets alone are declared; add a column to predict them from"
        problems.append(Problem("modalities", message))
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


def is_target(name: str, options: Any, registry: Registry) -> bool:
    """Say whether a column of a recipe is of a kind that is predicted (`ModalityConfig.target`)."""
    if not isinstance(options, Mapping) or "share" in options:
        return False
    try:
        return registry.modality(str(options.get("kind", name))).target
    except PolymodalError:  # `parse_columns` says what is wrong with it
        return False


def parse_targets(
    given: Any, registry: Registry, problems: list[Problem]
) -> dict[str, ModalityConfig]:
    """Validate the target columns of a recipe, which have neither encoder nor head."""
    targets = {}
    for name, options in given.items() if isinstance(given, Mapping) else ():
        if not is_target(name, options, registry):
            continue
        path = f"modalities.{name}"
        wrong = check_column_name(name)
        if wrong is not None:
            problems.append(Problem(path, wrong))
            continue
        kind = str(options.get("kind", name))
        problems += [
            Problem(f"{path}.{key}", f"{kind} is predicted and never an input; leave it out")
            for key in ("encoder", "head")
            if key in options
        ]
        kept = {key: value for key, value in options.items() if key not in ("encoder", "head")}
        config = registry.modality(kind)
        found = _validated(config, {**kept, "kind": kind}, path, problems)
        if found is not None:
            targets[name] = found
    return targets


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
        config = registry.modality(str(kind))
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
    share = str(options["share"])
    if share not in given or share == name or _shares(given[share]):
        others = [other for other in given if other != name and not _shares(given[other])]
        problems.append(
            Problem(
                f"{path}.share",
                f"'{share}' is no column with an own encoder{suggest(share, others)}",
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
    except PolymodalError as error:  # out of a plug-in's own check
        problems.append(Problem(path, str(error)))
    return None


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
