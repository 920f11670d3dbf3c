from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from polymodal_core.errors import ValueRejectedError
from polymodal_image.pictures import (
    check_pixels,
    decode_picture,
    encode_png,
    extent,
    read_file,
    shrink,
)

from tests.image.pictures import encoded, gradient, saved, textured


def test_a_file_below_root_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.bin").write_bytes(b"abc")
    assert read_file("a/b.bin", str(tmp_path)) == b"abc"
    assert read_file(tmp_path / "a" / "b.bin", None) == b"abc"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueRejectedError, match=r"no\.jpg: cannot be read: No such file"):
        read_file("no.jpg", str(tmp_path))


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(ValueRejectedError, match="cannot be read"):
        read_file(".", str(tmp_path))


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(ValueRejectedError, match=r"empty\.jpg: the file is empty \(0 bytes\)"):
        read_file("empty.jpg", str(tmp_path))


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_decode_to_the_pixels(form: str) -> None:
    pixels = gradient()
    decoded = decode_picture(encoded(pixels, form))
    assert decoded.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(decoded), pixels)


@pytest.mark.parametrize("form", ["JPEG", "MPO", "WEBP"])
def test_lossy_formats_decode_to_nearly_the_pixels(form: str) -> None:
    pixels = gradient()
    decoded = np.asarray(decode_picture(encoded(pixels, form, quality=95)))
    assert np.abs(decoded.astype(int) - pixels).mean() < 3


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_truncated_picture_is_refused(form: str, share: float) -> None:
    payload = encoded(textured(), form)
    with pytest.raises(ValueRejectedError, match=r"x\.jpg: the picture is damaged or truncated"):
        decode_picture(payload[: int(len(payload) * share)], name="x.jpg")


def test_a_picture_cut_within_its_signature_is_refused() -> None:
    with pytest.raises(ValueRejectedError, match="is no picture that can be read"):
        decode_picture(encoded(gradient())[:4])


@pytest.mark.parametrize("payload", [b"hello, I am text", b"\x00" * 100, b"%PDF-1.7 etc."])
def test_what_is_no_picture_is_refused_with_the_formats(payload: bytes) -> None:
    with pytest.raises(ValueRejectedError, match=r"is no picture that can be read.*JPEG.*PNG"):
        decode_picture(payload)


def test_no_bytes_are_refused() -> None:
    with pytest.raises(ValueRejectedError, match="x: no bytes at all"):
        decode_picture(b"", name="x")


@pytest.mark.parametrize("mode", ["I;16", "F"])
def test_more_than_eight_bits_are_refused_with_words(mode: str) -> None:
    payload = saved(Image.new(mode, (8, 8)), "TIFF")
    with pytest.raises(ValueRejectedError, match=r'8 bits a channel.*kind "depth"'):
        decode_picture(payload)


def test_an_absurdly_large_picture_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueRejectedError, match="decompression bomb"):
        decode_picture(encoded(gradient()))


def test_grey_and_palette_pictures_become_rgb() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    decoded = np.asarray(decode_picture(encoded(grey)))
    np.testing.assert_array_equal(decoded, np.repeat(grey[:, :, None], 3, axis=2))
    palette = Image.fromarray(gradient()).quantize(8)
    np.testing.assert_array_equal(
        np.asarray(decode_picture(saved(palette))), np.asarray(palette.convert("RGB"))
    )
    bilevel = Image.fromarray(grey > 100)
    assert set(np.unique(np.asarray(decode_picture(saved(bilevel))))) == {0, 255}


def test_cmyk_becomes_rgb() -> None:
    payload = saved(Image.fromarray(gradient()).convert("CMYK"), "JPEG", quality=95)
    decoded = np.asarray(decode_picture(payload)).astype(int)
    assert np.abs(decoded - gradient()).mean() < 4


def test_transparency_lies_on_white() -> None:
    pixels = np.zeros((2, 2, 4), dtype=np.uint8)
    pixels[0, 0] = (200, 100, 50, 255)
    pixels[1, 1] = (0, 0, 0, 51)
    decoded = np.asarray(decode_picture(encoded(pixels)))
    assert decoded[0, 0].tolist() == [200, 100, 50]
    assert decoded[0, 1].tolist() == [255, 255, 255]
    assert decoded[1, 1].tolist() == [204, 204, 204]


def test_a_transparent_palette_colour_lies_on_white() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((1, 0), 1)
    decoded = np.asarray(decode_picture(saved(picture, transparency=1)))
    assert decoded[0].tolist() == [[10, 20, 30], [255, 255, 255]]


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [(2, lambda a: a[:, ::-1]), (3, lambda a: a[::-1, ::-1]), (6, lambda a: np.rot90(a, -1))],
)
def test_exif_orientation_is_honoured(orientation: int, turn: object) -> None:
    assert callable(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = np.asarray(decode_picture(encoded(gradient(), exif=exif.tobytes())))
    np.testing.assert_array_equal(decoded, turn(gradient()))


@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_the_extent_is_that_of_the_upright_picture(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    payload = encoded(gradient(), exif=exif.tobytes())
    assert extent(payload) == np.asarray(decode_picture(payload)).shape[:2]


def test_the_extent_of_damage_is_refused() -> None:
    with pytest.raises(ValueRejectedError, match="the stored picture is damaged"):
        extent(b"no picture")


def test_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    payload = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.asarray(decode_picture(payload))[0, 0].tolist() == [255, 0, 0]


def test_png_keeps_every_pixel() -> None:
    np.testing.assert_array_equal(np.asarray(decode_picture(encode_png(textured()))), textured())


def test_shrinking_reaches_the_short_side_and_keeps_the_shape() -> None:
    payload = encoded(textured(48, 96))
    small = decode_picture(shrink(payload, decode_picture(payload), short_side=24))
    assert small.size == (48, 24)


def test_shrinking_keeps_jpeg_as_jpeg() -> None:
    payload = encoded(textured(), "JPEG")
    small = shrink(payload, decode_picture(payload), short_side=16)
    assert Image.open(io.BytesIO(small)).format == "JPEG"
    assert len(small) < len(payload)


def test_shrinking_never_enlarges() -> None:
    payload = encoded(textured(), "JPEG")
    assert shrink(payload, decode_picture(payload), short_side=48) is payload


@pytest.mark.parametrize(
    "value",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((3, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.uint16),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused_with_what_they_are(value: object) -> None:
    with pytest.raises(ValueRejectedError, match=r"an array of \w+ \[.*wanted uint8 \[height, wid"):
        check_pixels(value)
