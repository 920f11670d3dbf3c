from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from polymodal_core.errors import UnknownNameError
from polymodal_core.plugins import Registry
from polymodal_datasets.grid import (
    ASIDE,
    CELL,
    HEADER,
    MARGIN,
    draw_grid,
    draw_rows,
    save_rows,
    store_modalities,
)
from polymodal_datasets.store import Store

from .fakes import NoteModality, TileModality, fake_registry


def cell(
    image: Image.Image, line: int, column: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    left, top = ASIDE + column * (CELL + MARGIN), HEADER + line * (CELL + MARGIN)
    return np.asarray(image.crop((left, top, left + CELL, top + CELL)))


def ink(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> int:
    return int((pixels < 128).all(axis=-1).sum())


def test_pictures_fill_their_cell_and_keep_their_shape() -> None:
    red = np.zeros((40, 20, 3), dtype=np.uint8)
    red[..., 0] = 255
    pixels = cell(draw_grid([("a", "image")], [(["row 0"], [red])]), 0, 0)
    shown = (pixels == [255, 0, 0]).all(axis=-1)
    assert shown.sum() == pytest.approx(CELL * CELL / 2, rel=0.02)
    assert shown[:, CELL // 2].all()  # as high as the cell, half as wide, in the middle
    assert not shown[:, 5].any()


def test_texts_are_wrapped_within_their_cell() -> None:
    long = "a small red metal sphere stands left of a large green cube " * 20
    image = draw_grid([("a", "text"), ("b", "text")], [([], [long, "short"])])
    assert ink(cell(image, 0, 0)) > 20 * ink(cell(image, 0, 1)) > 0
    gap = np.asarray(image)[HEADER:, ASIDE + CELL + 1 : ASIDE + CELL + MARGIN - 1]
    assert (gap[MARGIN:] > 200).all()
    below = np.asarray(image)[HEADER + CELL + 1 :]
    assert (below > 200).all()


def test_one_word_that_is_too_long_is_cut() -> None:
    image = draw_grid([("a" * 200, "text")], [(["x" * 300], ["w" * 500])])
    assert image.width == ASIDE + CELL + 2 * MARGIN
    assert (np.asarray(image)[HEADER + MARGIN :, ASIDE - MARGIN : ASIDE - 2] > 200).all()
    assert ink(cell(image, 0, 0)) > 0


def test_missing_values_are_marked() -> None:
    image = draw_grid([("a", "text")], [([], [None]), ([], [""])])
    marked, empty = cell(image, 0, 0), cell(image, 1, 0)
    assert (marked[5, 20] == [244, 246, 248]).all()
    assert (empty == 255).all()


def test_rows_of_a_store(store: Store, tmp_path: Path) -> None:
    rows = [0, int(np.flatnonzero(store.table.items["picture"] < 0)[0])]
    modalities = store_modalities(store, fake_registry())
    image = draw_rows(store, rows, modalities)
    picture = TileModality().decode(store.read("picture", [0])[0])
    assert abs(float(cell(image, 0, 0).mean()) - float(picture.mean())) < 3
    assert (cell(image, 1, 0)[5, 20] == [244, 246, 248]).all()
    assert ink(cell(image, 1, 1)) > 0
    save_rows(store, rows, modalities, tmp_path / "new/folder/rows.png")
    with Image.open(tmp_path / "new/folder/rows.png") as saved:
        assert saved.size == image.size


def test_modalities_are_built_as_values_were_packed(store: Store) -> None:
    modalities = store_modalities(store, fake_registry())
    assert isinstance(modalities["caption"], NoteModality)
    assert list(modalities) == ["picture", "caption"]
    with pytest.raises(UnknownNameError, match="no modality 'tile'"):
        store_modalities(store, Registry())
