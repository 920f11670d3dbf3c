"""Confidence inside a stored map: kept, read, refused where it is damaged, and what it masks."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from polymodal_core.errors import ValueRejectedError
from polymodal_depth.confidence import (
    CERTAIN,
    CHUNK,
    confidence_of,
    decode_confidence,
    encode_estimate,
    joined,
    readings,
)
from polymodal_depth.config import DepthConfig
from polymodal_depth.millimetres import decode, encode, extent

from tests.depth.maps import ramp, trust, with_holes
from tests.depth.test_modality import example, modality


def test_both_come_back_and_the_map_is_a_picture_like_any() -> None:
    payload = encode_estimate(ramp(), trust())
    np.testing.assert_array_equal(decode(payload), ramp())
    found = decode_confidence(payload)
    assert found is not None
    np.testing.assert_array_equal(found, trust())
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(payload))), ramp())
    assert extent(payload) == (48, 64)
    assert payload == encode_estimate(ramp(), trust())


def test_a_measured_map_has_none() -> None:
    assert decode_confidence(encode(ramp())) is None
    assert confidence_of(ramp()) is None
    np.testing.assert_array_equal(readings(ramp()), ramp())


@pytest.mark.parametrize("damage", ["chunk", "shape", "payload"])
def test_damage_is_refused_with_words(damage: str) -> None:
    other = trust(4, 4) if damage == "shape" else trust()
    payload = encode_estimate(ramp(), other)
    if damage == "chunk":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add(CHUNK, b"no picture")
        payload = encode(ramp(), info)
    elif damage == "payload":
        payload = payload[:20]
    expected = {"chunk": "confidence .* is damaged", "shape": r"is uint8 \[4, 4\]; wanted"}
    with pytest.raises(ValueRejectedError, match=expected.get(damage, "map is damaged")):
        modality().decode(payload)


def test_a_decoded_estimate_carries_both_and_no_reading_without_trust() -> None:
    value = modality().decode(encode_estimate(with_holes(), trust()))
    assert value.shape == (48, 64, 2)
    assert value.dtype == np.uint16
    kept = (with_holes() > 0) & (trust() > 0)
    np.testing.assert_array_equal(readings(value), np.where(kept, with_holes(), 0))
    confidence = confidence_of(value)
    assert confidence is not None
    np.testing.assert_allclose(confidence, np.where(kept, trust(), 0) / 255, rtol=1e-6)
    np.testing.assert_array_equal(value, joined(with_holes(), trust()))


def test_pixels_of_too_little_confidence_are_no_readings() -> None:
    of = modality(min_confidence=0.5)
    value = of.decode(encode_estimate(ramp(), trust()))
    expected = np.where(trust() / CERTAIN >= 0.5, ramp(), 0)
    np.testing.assert_array_equal(readings(value), expected)
    assert 0.2 < (expected > 0).mean() < 0.8
    # What a sensor measured is never less than certain.
    np.testing.assert_array_equal(of.decode(encode(ramp())), ramp())


@pytest.mark.parametrize("training", [True, False])
def test_validity_is_confidence_where_the_map_was_estimated(training: bool) -> None:
    of = modality(size=16, resize="squash", crop_scale=(1.0, 1.0), min_confidence=0.3, flip=0.5)
    value = of.decode(encode_estimate(ramp(32, 32), trust(32, 32)))
    depth, validity = example(of, value, training=training)
    assert not depth[validity == 0].any()
    assert ((validity >= 0.3) | (validity == 0)).all()
    assert len(np.unique(validity)) > 20
    assert example(of, ramp(32, 32), training=training)[1].min() == 1.0


def test_confidence_follows_the_crop_and_the_mirror_of_depth() -> None:
    # Where confidence grows as depth does, it does so in any crop.
    value = joined(ramp(64, 64, near=100, far=10_000), np.rint(ramp(64, 64) / 20).astype(np.uint8))
    of = modality(size=32, crop_scale=(0.2, 0.6), flip=0.5)
    directions = set()
    for shared in range(12):
        depth, validity = example(of, value, shared=shared)
        metres = (1000 * 10 * depth - 100) * 4000 / 9900 + 1000
        np.testing.assert_allclose(255 * validity, metres / 20, atol=1.5)
        directions.add(bool(depth[0, 0] < depth[0, -1]))
    assert directions == {True, False}


def test_an_estimate_of_which_too_little_is_left_is_no_value_to_learn_from() -> None:
    certain = np.full((8, 8), 200, np.uint8)
    certain[:, :6] = 100  # a quarter is certain
    payload, measured = encode_estimate(ramp(8, 8), certain), encode(ramp(8, 8))
    hopeless = encode_estimate(ramp(8, 8), np.full((8, 8), 50, np.uint8))
    for share, expected in ((0.0, True), (0.25, True), (0.26, False)):
        screen = modality(min_confidence=0.5, min_share=share).screen()
        assert screen is not None
        assert screen(payload) is expected
        assert screen(measured)
        assert not screen(hopeless)
    assert modality().screen() is None


def test_corruptions_and_pictures_take_estimates() -> None:
    of = modality(min_confidence=0.4)
    value = of.decode(encode_estimate(ramp(), trust()))
    assert of.show(value).shape == (48, 64, 3)
    for name, corrupt in of.corruptions().items():
        np.testing.assert_array_equal(corrupt(value, 0.0, np.random.default_rng(0)), value)
        damaged = corrupt(value, 1.0, np.random.default_rng(0))
        assert damaged.shape == value.shape
        assert damaged.dtype == np.uint16
        assert (readings(damaged) != readings(value)).any(), name
        kept = readings(damaged) > 0
        np.testing.assert_array_equal(damaged[..., 1], np.where(kept, value[..., 1], 0))
        np.testing.assert_array_equal(
            readings(damaged), corrupt(readings(value), 1.0, np.random.default_rng(0)), name
        )


def test_a_share_without_a_threshold_is_refused() -> None:
    with pytest.raises(ValueError, match=r"min_share = 0\.5 is of the pixels that reach"):
        DepthConfig(min_share=0.5)
