from __future__ import annotations

import numpy as np
import pytest
from polymodal_datasets.rooms.attributes import attributes
from polymodal_datasets.rooms.captions import captions
from polymodal_datasets.rooms.world import Rooms, rooms


def joined(chunks: list[Rooms], name: str) -> np.ndarray:
    return np.concatenate([getattr(chunk, name) for chunk in chunks])


def test_rooms_are_the_same_in_any_chunk_number_and_threads() -> None:
    reference = list(rooms(13, seed=4, size=16, threads=1, chunk=13))
    for threads, chunk in ((1, 1), (3, 5), (2, None)):
        made = list(rooms(11, seed=4, size=16, threads=threads, chunk=chunk))
        for name in ("images", "depth", "attributes"):
            expected = joined(reference, name)[:11]
            np.testing.assert_array_equal(joined(made, name), expected, err_msg=name)
        said = [caption for chunk in made for caption in chunk.captions]
        assert said == reference[0].captions[:11]


def test_seeds_are_different_worlds() -> None:
    one, two = (joined(list(rooms(4, seed=seed, size=16)), "images") for seed in (0, 1))
    assert not (one == two).all(axis=(1, 2, 3)).any()


def test_any_rooms_can_be_asked_for() -> None:
    [chunk] = rooms(np.array([30, 4, 1000]), size=16)
    assert chunk.scenes.index.tolist() == [30, 4, 1000]
    [alone] = rooms(np.array([4]), size=16)
    assert chunk.images is not None
    assert alone.images is not None
    np.testing.assert_array_equal(chunk.images[1], alone.images[0])


def test_a_chunk_has_everything_about_its_rooms() -> None:
    [chunk] = rooms(6, size=16, captions=2)
    assert chunk.captions == captions(chunk.scenes, count=2)
    np.testing.assert_array_equal(chunk.attributes, attributes(chunk.scenes))
    assert chunk.images is not None
    assert chunk.images.shape == (6, 16, 16, 3)


def test_what_is_not_asked_for_is_not_rendered() -> None:
    [chunk] = rooms(6, rendered=False, captions=0)
    assert chunk.images is None
    assert chunk.depth is None
    assert chunk.captions == [[]] * 6


def test_a_caller_may_stop_early_and_an_error_arrives() -> None:
    made = rooms(10_000, size=16, threads=2, chunk=4)
    assert next(made).scenes.index.tolist() == [0, 1, 2, 3]
    made.close()  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="captions per room"):
        next(rooms(4, size=16, captions=99))
