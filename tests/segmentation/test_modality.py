"""Label maps: packed with words, cropped with the pictures, shown in colours."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import numpy as np
import polymodal_segmentation.plugin
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from polymodal_core.errors import ValueRejectedError
from polymodal_core.plugins import registry
from polymodal_core.testing import check_modality, check_plugin
from polymodal_segmentation.config import SegmentationConfig
from pydantic import ValidationError

NAMES = ("wall", "floor", "bed", "rest")


def label_map(seed: int = 0, shape: tuple[int, int] = (24, 32), classes: int = 3) -> NDArray[Any]:
    return np.random.default_rng(seed).integers(0, classes, size=shape, dtype=np.uint8)


def encoded(values: NDArray[Any], form: str = "PNG", mode: str | None = None) -> bytes:
    picture = Image.fromarray(values)
    buffer = io.BytesIO()
    (picture if mode is None else picture.convert(mode)).save(buffer, form)
    return buffer.getvalue()


REJECTS = [
    "no such file.png",
    b"",
    b"text",
    encoded(label_map())[:60],
    encoded(label_map(), "JPEG"),
    encoded(np.zeros((8, 8, 3), np.uint8)),
    encoded(np.full((8, 8), 300, np.uint16)),
    np.full((4, 4), 300),
    np.full((4, 4), -1),
    np.zeros((4, 4), np.float32),
    np.zeros((4, 4, 1), np.uint8),
    None,
]


def test_the_plugin_module() -> None:
    assert check_plugin(polymodal_segmentation.plugin) == [SegmentationConfig]
    found = registry().registrations["modality", "segmentation"]
    assert found.distribution == "polymodal-segmentation"


@pytest.mark.parametrize(
    "options",
    [{}, {"classes": NAMES, "ignore": 3}, {"size": 16, "flip": 0.5, "resize": "squash"}],
)
def test_the_contract(options: dict[str, Any]) -> None:
    values = [label_map(0), label_map(1, (20, 20)), encoded(label_map(2))]
    check_modality(SegmentationConfig(**options), values, rejects=REJECTS)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.full((4, 4), 7, np.uint8), "7 is the number of no class; there are 4 classes, from 0"),
        (np.full((4, 4), 3, np.uint8), "every pixel is 3, which is ignored"),
        (encoded(np.zeros((4, 4, 3), np.uint8)), "mode 'RGB' is no label map"),
        (encoded(label_map(), "JPEG"), "JPEG mixes the numbers"),
    ],
)
def test_refused_with_words(value: Any, said: str) -> None:
    with pytest.raises(ValueRejectedError, match=said):
        SegmentationConfig(classes=NAMES, ignore=3).build().pack(value, None)


def test_a_palette_is_read_by_its_numbers() -> None:
    picture = Image.fromarray(label_map())
    picture.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    modality = SegmentationConfig(classes=NAMES).build()
    payload = modality.pack(buffer.getvalue(), None)
    assert payload == buffer.getvalue()
    assert (modality.decode(payload) == label_map()).all()
    assert modality.extent(payload) == (24, 32)


def test_options() -> None:
    with pytest.raises(ValidationError, match="'bed' more than once"):
        SegmentationConfig(classes=("bed", "bed"))
    with pytest.raises(ValidationError, match="classes has 'wall' alone"):
        SegmentationConfig(classes=("wall", "rest"), ignore=1)
    with pytest.raises(ValidationError, match="smallest"):
        SegmentationConfig(crop_scale=(0.5, 0.1))
    assert SegmentationConfig().registered_with() == "image"
    assert SegmentationConfig(registered=False).registered_with() is None


def test_fit_counts_pixels_and_ignored_ones_are_not_counted() -> None:
    values = [label_map(seed, classes=4) for seed in range(3)]
    config = SegmentationConfig(classes=NAMES, ignore=3)
    state = config.build().fit(values)
    wanted = [int(sum((value == number).sum() for value in values)) for number in range(3)]
    assert state == {"classes": list(NAMES), "pixels": [*wanted, 0]}
    assert config.build(state).spec()["pixels"] == [*wanted, 0]
    named = SegmentationConfig().build({**state, "ignore": 3})
    assert (named.classes, named.ignore) == (NAMES, 3)
    assert SegmentationConfig().build().fit(values)["classes"][-1] == "class 3"


def test_inputs_hide_ignored_pixels_and_never_mix_numbers() -> None:
    modality = SegmentationConfig(classes=NAMES, ignore=3, size=16).build()
    rng = np.random.default_rng(0)
    value = np.repeat(np.array([[0, 2, 3, 0]], np.uint8), 40, axis=0).repeat(10, axis=1)
    example = modality.transform(value, training=False, shared=rng, own=rng)
    inputs = modality.collate([example, example])
    assert inputs.dtype == torch.int64
    assert inputs.shape == (2, 16, 16)
    assert set(inputs.unique().tolist()) == {0, 2, -1}
    with pytest.raises(ValueRejectedError, match="9 is the number of no class"):
        modality.transform(np.full((4, 4), 9, np.uint8), training=False, shared=rng, own=rng)


@pytest.mark.parametrize("squash", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_image_and_label_map_show_the_same_place(seed: int, squash: bool) -> None:
    image = pytest.importorskip("polymodal_image.config").ImageConfig
    options: dict[str, Any] = {
        "size": 32,
        "flip": 0.5,
        "crop_scale": (0.2, 0.6),
        "resize": "squash" if squash else "crop",
    }
    columns = np.arange(80, dtype=np.uint8)
    labels = np.repeat(columns[None], 60, axis=0)
    picture = np.repeat(np.repeat(labels, 2, axis=0), 2, axis=1)[:, :, None].repeat(3, axis=2)
    found = []
    for modality, value in (
        (image(jitter=0.0, **options).build(), picture),
        (SegmentationConfig(**options).build(), labels),
    ):
        shared, own = np.random.default_rng([0, seed]), np.random.default_rng(1)
        found.append(modality.transform(value, training=True, shared=shared, own=own))
    # A picture's pixel is a mean around the place whose nearest number the map has.
    assert np.abs(found[0][0].astype(int) - found[1].astype(int)).max() <= 2


def test_colours_tell_classes_and_ignored_pixels_apart() -> None:
    modality = SegmentationConfig(ignore=39).build()
    shown = modality.show(np.arange(40, dtype=np.uint8)[None])
    assert shown.shape == (1, 40, 3)
    assert len({tuple(colour) for colour in shown[0].tolist()}) == 40
    assert shown[0, 39].tolist() == [38, 38, 38]


def test_listing_imports_nothing_heavy() -> None:
    script = (
        "import sys; from polymodal_segmentation.plugin import register_modalities as f; f();"
        "sys.exit(bool({'torch', 'numpy', 'PIL'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
