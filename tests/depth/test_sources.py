from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from polymodal_core.errors import ValueRejectedError
from polymodal_depth.sources import read_source

from tests.depth.maps import as_npy, encoded, ramp, saved


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pictures_of_whole_numbers_come_back(form: str, dtype: type) -> None:
    values: NDArray[Any] = (ramp() // 20).astype(dtype)
    found, _ = read_source(encoded(values, form), None)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, values)


def test_tiff_of_floats_comes_back() -> None:
    values = ramp().astype(np.float32) / 1000
    np.testing.assert_array_equal(read_source(encoded(values, "TIFF"), None)[0], values)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.float16, np.float64])
def test_arrays_and_npy_files_come_back(tmp_path: Path, dtype: type) -> None:
    values: NDArray[Any] = (ramp() // 20).astype(dtype)
    (tmp_path / "d.npy").write_bytes(as_npy(values))
    for source, name in ((values, "array"), (Path("d.npy"), "d.npy")):
        found, said = read_source(source, str(tmp_path))
        assert said == name
        np.testing.assert_array_equal(found, values)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueRejectedError, match=r"no\.png: cannot be read: No such file"):
        read_source("no.png", str(tmp_path))


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "e.png").touch()
    with pytest.raises(ValueRejectedError, match=r"e\.png: is empty \(0 bytes\)"):
        read_source("e.png", str(tmp_path))


@pytest.mark.parametrize("share", [0.2, 0.9])
@pytest.mark.parametrize("encode", [encoded, as_npy])
def test_a_truncated_map_is_named(tmp_path: Path, encode: Any, share: float) -> None:
    payload = encode(np.random.default_rng(0).integers(0, 9999, (48, 64)).astype(np.uint16))
    (tmp_path / "cut.x").write_bytes(payload[: int(len(payload) * share)])
    with pytest.raises(ValueRejectedError, match=r"cut\.x: the .* is damaged or truncated"):
        read_source("cut.x", str(tmp_path))


@pytest.mark.parametrize("payload", [b"not a picture", encoded(np.zeros((8, 8), np.uint8), "JPEG")])
def test_other_formats_are_refused_with_the_accepted_ones(payload: bytes) -> None:
    with pytest.raises(
        ValueRejectedError, match=r"no depth map that can be read; wanted a one-cha"
    ):
        read_source(payload, None)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "1", "LA"])
def test_colours_and_masks_are_refused(mode: str) -> None:
    with pytest.raises(ValueRejectedError, match=rf"a picture of mode '{mode}' is no depth map"):
        read_source(saved(Image.new(mode, (8, 8))), None)


@pytest.mark.parametrize(
    "array",
    [
        np.ones((4, 4), np.bool_),
        np.ones((4, 4, 3), np.uint16),
        np.ones(4, np.float32),
        np.ones((0, 4), np.float32),
        np.ones((4, 4), np.complex64),
        np.array([["near", "far"]]),
    ],
)
def test_other_arrays_are_refused_with_what_they_are(array: NDArray[Any]) -> None:
    with pytest.raises(ValueRejectedError, match=r"array: values of .* are no depth map; wanted"):
        read_source(array, None)


def test_pickled_arrays_are_not_unpickled() -> None:
    payload = as_npy(np.array([["near", None]], dtype=object))
    with pytest.raises(
        ValueRejectedError, match=r"npy file is damaged or truncated .*allow_pickle"
    ):
        read_source(payload, None)


def test_other_values_are_refused() -> None:
    with pytest.raises(ValueRejectedError, match="list is no depth map; wanted"):
        read_source([[1, 2]], None)
