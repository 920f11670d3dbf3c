"""What is wrong with options, in the words of whoever wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from polymodal_core.config import Configuration
from polymodal_core.errors import Problem, suggest


def problems_of(error: ValidationError, kind: Any, given: Any, *, path: str = "") -> list[Problem]:
    """Turn pydantic's errors about `given` into problems with full paths, values and suggestions.

    `kind` is the class, or the union of classes, that `given` was validated as.
    """
    found = []
    for detail in error.errors():
        location = _without_tags(detail["loc"], given)
        where = ".".join(str(part) for part in (*filter(None, [path]), *location))
        value = detail.get("input")
        match detail["type"]:
            case "extra_forbidden":
                known = _fields_at(kind, detail["loc"][:-1])
                message = f"unknown key{suggest(str(location[-1]), known)}"
            case "missing":
                message = "is required and not given"
            case "union_tag_invalid":
                tags = [tag.strip(" '") for tag in detail["ctx"]["expected_tags"].split(",")]
                tag = str(detail["ctx"]["tag"])
                where, message = f"{where}.kind", f"unknown kind '{tag}'{suggest(tag, tags)}"
            case "union_tag_not_found":
                where, message = f"{where}.kind", "is required and not given"
            case "model_type" | "model_attributes_type" | "dict_type":
                message = f"must be a table; given {value!r}"
            case "tuple_type" | "list_type":
                message = f'must be a list, as in ["a", "b"] or [1, 2]; given {value!r}'
            case "value_error":
                # Of a check over several options, the whole table would be repeated.
                shown = "" if isinstance(value, Mapping) else f"; given {value!r}"
                message = f"{detail['ctx']['error']}{shown}"
            case _:
                message = f"{detail['msg']}; given {value!r}"
        found.append(Problem(where, message))
    return list(dict.fromkeys(found))


def _without_tags(location: tuple[int | str, ...], given: Any) -> list[int | str]:
    # pydantic names the chosen member of a discriminated union inside the path: not the user's.
    kept: list[int | str] = []
    value = given
    for part in location:
        if isinstance(value, Mapping):
            if part == value.get("kind") and part not in value:
                continue
            value = value.get(part)
        elif isinstance(value, list | tuple):
            if not isinstance(part, int):  # the member of a plain union: `tuple[str, str]`
                continue
            value = value[part] if part < len(value) else None
        kept.append(part)
    return kept


def _fields_at(kind: Any, location: tuple[int | str, ...]) -> list[str]:
    candidates = list(_models_in(kind))
    for part in location:
        tagged = [item for item in candidates if _kind(item) == part]
        if tagged:
            candidates = tagged
            continue
        annotations = [
            item.model_fields[part].annotation
            for item in candidates
            if isinstance(part, str) and part in item.model_fields
        ]
        if annotations:
            candidates = [found for item in annotations for found in _models_in(item)]
    return [name for item in candidates for name in item.model_fields]


def _kind(model: type[BaseModel]) -> str:
    return model.kind_name() if issubclass(model, Configuration) else ""


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
