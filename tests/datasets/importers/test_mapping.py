from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import PolymodalError, RecipeError
from polymodal_datasets.importers.manifest import ManifestConfig
from polymodal_datasets.importers.mapping import complete_mapping, shipped_mappings

from .reading import problems, write


def complete(root: Path, mapping: str, **options: Any) -> ManifestConfig:
    path = write(root / "mapping.toml", mapping)
    given = {"root": root, "mapping": str(path), **options}
    return complete_mapping(ManifestConfig.model_validate(given))[0]


def test_the_command_line_lies_over_the_file(tmp_path: Path) -> None:
    mapping = """
        table = "a.csv"
        label = "{class}"
        [columns.image]
        path = "{image}.jpg"
        options.size = 64
        [columns.text]
        value = "{caption}"
    """
    found = complete(
        tmp_path,
        mapping,
        table={"delimiter": ";"},
        columns={"image": {"options": {"mode": "L"}}, "depth": {}},
    )
    assert found.table is not None
    assert (found.table.file, found.table.delimiter) == ("a.csv", ";")
    assert found.label == "{class}"
    assert found.columns["image"].path == "{image}.jpg"
    assert found.columns["image"].options == {"size": 64, "mode": "L"}
    assert set(found.columns) == {"image", "text", "depth"}


def test_a_table_named_on_the_command_line_replaces_the_file_alone(tmp_path: Path) -> None:
    found = complete(tmp_path, '[table]\nfile = "a.csv"\ndelimiter = ";"', table="b.csv")
    assert found.table is not None
    assert (found.table.file, found.table.delimiter) == ("b.csv", ";")


def test_every_problem_of_a_mapping_file_is_reported_at_once(tmp_path: Path) -> None:
    mapping = """
        tabel = "a.csv"
        root = "x"
        [table]
        file = "a.csv"
        delimeter = ";"
        [columns.image]
        paths = "x"
        several = "all"
        [[joins]]
        table = "b.csv"
    """
    with pytest.raises(RecipeError) as caught:
        complete(tmp_path, mapping)
    found = problems(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'mapping.toml'}: 6 problems")
    assert "belongs on the command line" in found["root"]
    assert "did you mean 'table'" in found["tabel"]
    assert "did you mean 'delimiter'" in found["table.delimeter"]
    assert "did you mean 'path'" in found["columns.image.paths"]
    assert "'rows' or 'join'" in found["columns.image.several"]
    assert "required" in found["joins.0.on"]


def test_a_mapping_that_is_no_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="line 2"):
        complete(tmp_path, 'table = "a.csv"\nsplit = {x}\n')


def test_unknown_mappings(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match="no mapping 'nyu' is shipped; did you mean 'nyuv2'"):
        ManifestConfig(root=tmp_path, mapping="nyu").build()
    with pytest.raises(PolymodalError, match=r"no such mapping file: .*none\.toml"):
        ManifestConfig(root=tmp_path, mapping="none.toml").build()


@pytest.mark.parametrize("name", sorted(shipped_mappings()))
def test_shipped_mappings_are_valid(tmp_path: Path, name: str) -> None:
    complete_mapping(ManifestConfig(root=tmp_path, mapping=name))
    assert tomllib.loads(shipped_mappings()[name].read_text())["table"]
