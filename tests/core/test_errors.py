"""Errors and suggestions."""

from __future__ import annotations

import pytest
from polymodal_core.errors import PolymodalError, Problem, RecipeError, suggest


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("imge", ["text", "image"], "; did you mean 'image'? known: image, text"),
        ("xyz", ["text", "image"], "; known: image, text"),
        ("xyz", [], "; known: (none)"),
        ("a", ["a1", "a1"], "; did you mean 'a1'? known: a1"),
    ],
)
def test_suggestions_name_the_nearest_and_everything_known(
    name: str, known: list[str], expected: str
) -> None:
    assert suggest(name, known) == expected


def test_all_problems_are_in_one_message() -> None:
    error = RecipeError(
        [Problem("data.store", "is required"), Problem("", "no file")], source="x.toml"
    )
    assert str(error) == "x.toml: 2 problems\n  data.store: is required\n  no file"
    assert isinstance(error, PolymodalError)
    assert str(RecipeError([Problem("a", "b")])).startswith("recipe: 1 problem\n")
