from __future__ import annotations

from typing import Any

import pytest
from polymodal_core.errors import RecipeError, UnknownNameError
from polymodal_core.rows import Column
from polymodal_datasets.packing_options import PackedColumn, packed_columns

from .fakes import NoteModality, fake_registry

COLUMNS = {
    "title": Column("note"),
    "body": Column("note", {"upper": True}),
    "front": Column("tile"),
}


def columns(options: dict[str, Any], given: Any = COLUMNS) -> dict[str, PackedColumn]:
    return packed_columns(given, registry=fake_registry(), options=options)


def upper(options: dict[str, Any]) -> tuple[bool, bool]:
    packed = columns(options)
    title, body = packed["title"].modality, packed["body"].modality
    assert isinstance(title, NoteModality)
    assert isinstance(body, NoteModality)
    return title.upper, body.upper


def test_a_columns_options_come_before_its_kinds_and_those_before_the_importers() -> None:
    assert upper({}) == (False, True)
    assert upper({"note": {"upper": False}}) == (False, False)
    assert upper({"note": {"upper": True}, "body": {"upper": False}}) == (True, False)


def test_what_was_set_is_kept_and_defaults_are_not() -> None:
    packed = columns({"title": {"upper": True}})
    assert packed["title"].describe() == {
        "kind": "note",
        "options": {"upper": True},
        "of_classes": False,
    }
    assert packed["front"].options == {}


def test_items_stand_for_classes_where_the_importer_or_the_kind_says_so() -> None:
    given = {"word": Column("note", of_classes=True), "title": Column("note")}
    packed = columns({}, given)
    assert (packed["word"].of_classes, packed["title"].of_classes) == (True, False)


def test_all_wrong_options_are_reported_at_once() -> None:
    with pytest.raises(RecipeError) as caught:
        columns({"titel": {"upper": True}, "note": {"uper": True}, "front": 3})
    text = str(caught.value)
    assert "titel: is no column or kind here; did you mean 'title'?" in text
    assert "title.uper: unknown key; did you mean 'upper'?" in text
    assert "body.uper: unknown key" in text
    assert "front: must be a table of options; given 3" in text


def test_unknown_kind_and_unusable_name_of_a_column() -> None:
    with pytest.raises(UnknownNameError, match=r"no modality 'nota'.*did you mean 'note'"):
        columns({}, {"title": Column("nota")})
    with pytest.raises(RecipeError, match="'split' is the name of a row column"):
        columns({}, {"split": Column("note")})
