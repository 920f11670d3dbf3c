from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import StoreError
from polymodal_core.plugins import registry
from polymodal_eval.space import corruption_generator
from polymodal_evaluator.opening import Opened, open_for_evaluation
from polymodal_evaluator.spaces import Spaces


@pytest.fixture(scope="module")
def opened(pristine: Path) -> Opened:
    return open_for_evaluation(pristine, settings=(), checkpoint=None, registry=registry())


@pytest.fixture
def spaces(opened: Opened) -> Spaces:
    return Spaces(opened, device="cpu", bar=silent)


@contextmanager
def silent(title: str, items: int) -> Iterator[Any]:
    yield lambda count: None


def test_a_space_shows_names_and_encodes_the_stores_items(spaces: Spaces, opened: Opened) -> None:
    space = spaces("test")
    number = int(space.embeddings.item_numbers["text"][3])

    text = space.show("text", number)
    assert isinstance(text, str)
    assert text == opened.store.read("text", [number])[0].decode()
    picture = space.show("image", int(space.embeddings.item_numbers["image"][0]))
    assert isinstance(picture, np.ndarray)
    assert picture.shape == (16, 16, 3)
    assert space.identify("text", number) == opened.store.id("text", number)
    encoded = space.encode("text", [text])
    np.testing.assert_allclose(encoded[0], space.embeddings.vectors["text"][3], atol=1e-5)
    assert space.kinds == {"image": "image", "text": "text", "prototypes": "prototypes"}


def test_classes_of_the_whole_store_have_one_vector_each(spaces: Spaces, opened: Opened) -> None:
    classes = spaces("heldout").classes("prototypes")

    table = opened.store.table
    assert classes.labels.tolist() == np.unique(table.label).tolist()
    held = spaces("heldout").embeddings
    label = held.table.label[np.flatnonzero(held.table.items["prototypes"] == 0)[0]]
    place = classes.labels.tolist().index(label)
    np.testing.assert_allclose(classes.vectors[place], held.vectors["prototypes"][0], atol=1e-5)


def test_damaged_items_are_embedded_in_their_order(spaces: Spaces, opened: Opened) -> None:
    space = spaces("test")
    modality = opened.trained.modalities["image"]
    assert space.corruptions["image"] == tuple(modality.corruptions())
    assert space.corrupted is not None
    name = space.corruptions["image"][0]
    np.testing.assert_allclose(
        space.corrupted("image", name, 0.0).vectors["image"],
        space.embeddings.vectors["image"],
        atol=1e-5,
    )
    found = space.corrupted("image", name, 0.7).vectors["image"]
    np.testing.assert_array_equal(found, space.corrupted("image", name, 0.7).vectors["image"])
    place = 3
    number = int(space.embeddings.item_numbers["image"][place])
    (payload,) = opened.store.read("image", [number])
    rng = corruption_generator(opened.evaluation.seed, name, number)
    value = modality.corruptions()[name](modality.decode(payload), 0.7, rng)
    np.testing.assert_allclose(found[place], space.encode("image", [value])[0], atol=1e-5)
    assert np.abs(found - space.embeddings.vectors["image"]).max() > 1e-3


def test_a_split_is_embedded_once(spaces: Spaces) -> None:
    assert spaces("test") is spaces("test")


def test_an_unknown_split_lists_those_that_exist(spaces: Spaces) -> None:
    with pytest.raises(StoreError, match=r"no split 'tests'; did you mean 'test'.*heldout \(32\)"):
        spaces.rows("tests")
