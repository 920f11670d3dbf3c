from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from polymodal_packer.fields import Option, options_of, takes
from pydantic import BaseModel, Field

from .fakes import FakeConfig


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "integer"),
        (float, "number"),
        (bool, "true | false"),
        (str, "text"),
        (Path, "path"),
        (Path | None, "path"),
        (int | float | None, "integer | number"),
        (Literal["a", "b"], "a | b"),
        (tuple[str, ...], "list of text"),
        (list[Literal["x"]], "list of x"),
        (Annotated[int, Field(ge=0)], "integer"),
        (dict[str, Any], "table"),
        (BaseModel, "table"),
        (Any, "Any"),
    ],
)
def test_annotations_in_words(annotation: Any, words: str) -> None:
    assert takes(annotation) == words


def test_options_with_those_of_tables_one_level_deep() -> None:
    assert list(options_of(FakeConfig)) == [
        Option("pictures", "integer", "5"),
        Option("interrupted", "true | false", "false"),
        Option("fraction", "number", "0.25"),
        Option("root", "path", ""),
        Option("names", "list of text", "a, b"),
        Option("columns.<name>.template", "text", "required"),
        Option("columns.<name>.several", "rows | join", "rows"),
        Option("columns.<name>.deep", "list of table", ""),
        Option("joins[].template", "text", "required"),
        Option("joins[].several", "rows | join", "rows"),
        Option("joins[].deep", "list of table", ""),
        Option("table", "table", ""),
        Option("table.template", "text", "required"),
        Option("table.several", "rows | join", "rows"),
        Option("table.deep", "list of table", ""),
    ]
