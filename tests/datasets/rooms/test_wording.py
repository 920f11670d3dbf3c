from __future__ import annotations

from polymodal_datasets.rooms.wording import (
    Choices,
    Thing,
    listing,
    noun_phrase,
    plural,
    reference,
    with_article,
)

CUBE = Thing(1, "cube", "orange", "metal", "small")


def test_choices_use_one_draw_each_and_start_again() -> None:
    choices = Choices([0.0, 0.99])
    assert choices.of("ab") == "a"
    assert choices.of("abcdefgh") == "h"
    assert choices.of("ab") == "a"


def test_metal_stands_after_the_colour_and_metallic_before_it() -> None:
    first, last = [0.0], [0.0, 0.99, 0.0]
    assert noun_phrase(CUBE, Choices(first)) == "a small orange metal cube"
    assert noun_phrase(CUBE, Choices(last)).startswith("a small metallic orange ")


def test_material_may_go_unmentioned() -> None:
    assert noun_phrase(CUBE, Choices([0.0, 0.0, 0.99, 0.0, 0.0])) == "a small orange cube"


def test_things_are_referred_to_by_colour_and_shape() -> None:
    assert reference(CUBE, Choices([0.0, 0.99])) == "the orange box"


def test_articles_plurals_and_lists() -> None:
    assert with_article("orange cube") == "an orange cube"
    assert with_article("red cube") == "a red cube"
    assert [plural("box"), plural("cone")] == ["boxes", "cones"]
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"]) == "a, b and c"


def test_things_that_differ_in_one_value_are_worded_alike() -> None:
    draws = [0.4, 0.7, 0.1, 0.9, 0.6]
    red = Thing(1, "cube", "red", "metal", "small")
    a, b = (noun_phrase(thing, Choices(draws)).split() for thing in (CUBE, red))
    assert [x for x, y in zip(a, b, strict=True) if x != y] == ["orange"]
