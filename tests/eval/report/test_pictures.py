from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image
from polymodal_eval.report.pictures import data_uri


def opened(uri: str) -> tuple[str, Any]:
    head, _, body = uri.partition(";base64,")
    return head, Image.open(io.BytesIO(base64.b64decode(body)))


def test_small_pictures_are_kept_exactly() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (24, 30, 3), dtype=np.uint8)

    head, image = opened(data_uri(picture))

    assert head == "data:image/png"
    assert (np.asarray(image) == picture).all()


def test_large_pictures_are_reduced_and_keep_their_shape() -> None:
    picture = np.zeros((300, 600, 3), dtype=np.uint8)

    head, image = opened(data_uri(picture, largest=100))

    assert head == "data:image/jpeg"
    assert image.size == (100, 50)


def test_pictures_that_are_not_contiguous_are_taken() -> None:
    picture = np.zeros((10, 20, 3), dtype=np.uint8)
    picture[:, 0] = 255

    _, image = opened(data_uri(picture[:, ::-1]))

    assert (np.asarray(image)[:, -1] == 255).all()
