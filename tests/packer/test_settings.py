from __future__ import annotations

from pathlib import Path

import pytest
from polymodal_core.errors import RecipeError
from polymodal_core.rows import Column
from polymodal_packer.settings import check_packing, read_settings

from .fakes import FakeConfig

COLUMNS = {"title": Column("note"), "front": Column("tile")}


def test_settings_are_sorted_by_whom_they_are_for() -> None:
    read = read_settings(
        FakeConfig,
        ["pictures=7", "note.upper=true", "columns.a.template={x}", "title.upper=false"],
        root="raw data",
    )
    assert isinstance(read.importer, FakeConfig)
    assert read.importer.pictures == 7
    assert read.importer.root == Path("raw data")
    assert read.importer.columns["a"].template == "{x}"
    assert read.packing == {"note": {"upper": True}, "title": {"upper": False}}


def test_a_root_that_looks_like_a_number_stays_a_path() -> None:
    importer = read_settings(FakeConfig, [], root="2024").importer
    assert isinstance(importer, FakeConfig)
    assert importer.root == Path("2024")


def test_packing_options_are_for_columns_and_their_kinds() -> None:
    check_packing({"note": {}, "title": {}, "tile": {}}, COLUMNS, FakeConfig)
    with pytest.raises(RecipeError) as caught:
        check_packing({"titel": {"upper": 1}, "depth": {"unit": "mm"}}, COLUMNS, FakeConfig)
    assert "titel.upper: no such option; did you mean 'title'?" in str(caught.value)
    assert "depth.unit: no such option; known: columns, fraction, front" in str(caught.value)


def test_a_mistyped_table_of_the_importer_is_suggested() -> None:
    with pytest.raises(RecipeError, match="did you mean 'columns'"):
        check_packing({"colums": {"a": {}}}, COLUMNS, FakeConfig)
