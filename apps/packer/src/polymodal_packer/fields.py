"""The options of an importer, read off the fields of its configuration."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

LISTS = (tuple, list, set, frozenset)


@dataclass(frozen=True)
class Option:
    """One key of `--set`: its path, what it takes, and its default as text."""

    path: str
    takes: str
    default: str


def options_of(config: type[BaseModel], *, prefix: str = "") -> Iterator[Option]:
    """Give the options of a configuration, those of the tables in it after it, one level deep.

    `columns.<name>.id` is a key in a table whose names the user chooses, `joins[].on` one in each
    table of a list.
    """
    for name, field in config.model_fields.items():
        if name == "kind" and not prefix:
            continue
        path = f"{prefix}{name}"
        inner = _tables_in(field.annotation)
        if inner is None or inner[1] == "." or prefix:
            default = (
                "required"
                if field.is_required()
                else _text(field.get_default(call_default_factory=True))
            )
            yield Option(path, takes(field.annotation), default)
        if inner is not None and not prefix:
            yield from options_of(inner[0], prefix=f"{path}{inner[1]}")


def _tables_in(annotation: Any) -> tuple[type[BaseModel], str] | None:
    """Find a configuration inside an annotation, and what leads to its keys."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, "."
    origin = get_origin(annotation)
    if origin is Literal:
        return None
    found = [item for item in map(_tables_in, get_args(annotation)) if item is not None]
    if not found:
        return None
    model, below = found[0]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return model, f".<name>{below}"
    return model, f"[]{below}" if origin in LISTS else below


def _text(default: Any) -> str:
    if default is None or default in ((), "", {}):
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple | list):
        return ", ".join(_text(item) for item in default)
    return f"{default:.4g}" if isinstance(default, float) else str(default)


def takes(annotation: Any) -> str:
    """Say in words what an annotation takes."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return takes(arguments[0])
    if origin is Literal:
        return " | ".join(str(value) for value in arguments)
    if origin in (Union, types.UnionType):
        return " | ".join(takes(item) for item in arguments if item is not type(None))
    if origin in LISTS:
        return f"list of {takes(arguments[0])}" if arguments else "list"
    kind = origin or annotation
    if isinstance(kind, type) and issubclass(kind, Mapping | BaseModel):
        return "table"
    names = {str: "text", Path: "path", bool: "true | false", int: "integer", float: "number"}
    return names.get(annotation, getattr(annotation, "__name__", "value"))
