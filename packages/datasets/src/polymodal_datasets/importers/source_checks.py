"""Checks one column of a mapping, and makes it the source of the column's items."""

from __future__ import annotations

from typing import Literal

from polymodal_core.plugins import registry
from polymodal_core.rows import Column

from polymodal_datasets.importers.column_source import ColumnSource, Form
from polymodal_datasets.importers.manifest import ColumnMapping
from polymodal_datasets.importers.template_checker import TemplateChecker

Key = Literal["path", "value", "vector"]

# Kinds whose values are no files by nature; every other kind's are, unless the mapping says more.
_KEYS: dict[str, Key] = {"text": "value", "attributes": "vector", "prototypes": "vector"}
_READ = {"text": "text", "attributes": "vector", "prototypes": "vector"}
_FORMS: dict[str, Form] = {"path": "path", "text": "text file", "vector": "vector file"}


def default_key(kind: str) -> Key:
    """Say how a kind's values are given where a mapping does not: path, value or vector."""
    return _KEYS.get(kind, "path")


def check_source(name: str, mapping: ColumnMapping, check: TemplateChecker) -> ColumnSource:
    """Make a column's source; its problems go to `check`."""
    path = f"columns.{name}"
    kind = name if mapping.kind is None else mapping.kind
    key, text, where = _given(name, kind, mapping, check)
    template = check.vector(text, where) if key == "vector" else check.template(text, where)
    form = _form(key, kind, mapping, path, check)
    joiner = mapping.joiner if mapping.several == "join" else None
    if mapping.separator is not None and form in ("text", "path") and len(template.columns) > 1:
        message = f"splits a single cell, and '{text}' uses {len(template.columns)} columns"
        check.note(f"{path}.separator", message)
    if joiner is not None and form not in ("text", "text file"):
        check.note(f"{path}.several", f"'join' makes one text of several; this is a {form}")
    of_classes = _of_classes(mapping, kind)
    if mapping.average and not (of_classes and form in ("vector", "vector file")):
        check.note(f"{path}.average", "is for vectors of classes: give `of_classes = true` as well")
    return ColumnSource(
        name,
        Column(kind, mapping.options, of_classes),
        form,
        template,
        entry=None if mapping.entry is None else check.template(mapping.entry, f"{path}.entry"),
        separator=mapping.separator,
        joiner=joiner,
        id=None if mapping.id is None else check.template(mapping.id, f"{path}.id"),
        average=mapping.average,
    )


def _given(
    name: str, kind: str, mapping: ColumnMapping, check: TemplateChecker
) -> tuple[Key, str, str]:
    texts: dict[Key, str | None] = {
        "path": mapping.path,
        "value": mapping.value,
        "vector": mapping.vector,
    }
    given = [(key, text) for key, text in texts.items() if text is not None]
    if len(given) > 1:
        keys = " and ".join(key for key, _ in given)
        check.note(f"columns.{name}", f"is given by {keys}; give one of them")
    if not given:
        return default_key(kind), f"{{{name}}}", f"columns.{name}"
    key, text = given[0]
    return key, text, f"columns.{name}.{key}"


def _form(key: Key, kind: str, mapping: ColumnMapping, path: str, check: TemplateChecker) -> Form:
    form: Form = "text" if key == "value" else "vector"
    if key == "path":
        form = _FORMS[_READ.get(kind, "path") if mapping.read is None else mapping.read]
    elif mapping.read is not None:
        check.note(f"{path}.read", f"belongs to `path`; this column is given by `{key}`")
    if mapping.entry is not None and form != "vector file":
        check.note(f"{path}.entry", "picks from a .npy or .npz at `path` with read = 'vector'")
    return form


def _of_classes(mapping: ColumnMapping, kind: str) -> bool:
    if mapping.of_classes is not None:
        return mapping.of_classes
    return kind in registry().names("modality") and registry().modality(kind).of_classes
