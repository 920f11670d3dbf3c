from __future__ import annotations

import csv
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from polymodal_core.errors import ValueRejectedError
from polymodal_depth.config import DepthConfig
from polymodal_depth.modality import DepthModality

from tests.depth.maps import Millimetres, encoded, ramp, with_holes


def modality(**options: Any) -> DepthModality:
    return DepthConfig(**options).build()


def example(
    of: DepthModality, value: Millimetres, *, training: bool = True, shared: int = 1, own: int = 2
) -> NDArray[np.float32]:
    return of.transform(
        value,
        training=training,
        shared=np.random.default_rng(shared),
        own=np.random.default_rng(own),
    )


def test_sixteen_bit_millimetres_come_back_from_file_bytes_and_array(tmp_path: Path) -> None:
    of = modality()
    (tmp_path / "d.png").write_bytes(encoded(with_holes()))
    for value in ("d.png", encoded(with_holes(), "TIFF"), with_holes()):
        payload = of.pack(value, str(tmp_path))
        assert payload.startswith(b"\x89PNG")
        np.testing.assert_array_equal(of.decode(payload), with_holes())


def test_a_declared_unit_is_converted() -> None:
    of = modality(unit="255=10m")
    values = np.array([[0, 51], [102, 255]], np.uint8)
    assert of.decode(of.pack(encoded(values), None)).tolist() == [[0, 2000], [4000, 10000]]


def test_undeclared_eight_bits_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "d.png").write_bytes(encoded(np.full((4, 4), 90, np.uint8)))
    with pytest.raises(ValueRejectedError, match=r"d\.png: 8-bit depth .* without a declared unit"):
        modality().pack("d.png", str(tmp_path))


def test_examples_hold_depth_and_validity() -> None:
    of = modality(size=32, max_metres=5.0)
    for training in (True, False):
        found = example(of, with_holes(96, 128, share=0.45), training=training)
        assert found.dtype == np.float32
        assert found.shape == (2, 32, 32)
        assert set(np.unique(found[1])) == {0.0, 1.0}
        assert not found[0][found[1] == 0].any()
        assert found[0][found[1] == 1].min() >= 0.2 - 1e-6
        assert found[0].max() <= 1.0


def test_depth_is_a_share_of_the_farthest_and_cut_there() -> None:
    of = modality(size=16, max_metres=4.0)
    found = example(of, ramp(16, 16, near=1000, far=6000), training=False)
    expected = np.minimum(ramp(16, 16, near=1000, far=6000) / 4000, 1)
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)
    assert found[1].all()


def test_the_same_generators_give_the_same_example() -> None:
    of = modality(flip=0.5)
    np.testing.assert_array_equal(example(of, with_holes()), example(of, with_holes()))


def test_shared_moves_the_crop_and_own_nothing() -> None:
    of = modality(crop_scale=(0.3, 0.5))
    assert (example(of, ramp()) != example(of, ramp(), shared=5)).any()
    np.testing.assert_array_equal(example(of, ramp()), example(of, ramp(), own=9))


def test_what_training_takes_away_depends_on_own_and_leaves_geometry_alone() -> None:
    # Enlarged fourfold, so that no pixel is the mean of readings of other crops.
    plain = modality(size=64, flip=0.5, crop_scale=(0.2, 0.4))
    taking = modality(
        size=64, flip=0.5, crop_scale=(0.2, 0.4), occlusion=1.0, resolution_dropout=0.5
    )
    shown = []
    for own in range(8):
        found, whole = example(taking, ramp(), own=own), example(plain, ramp(), own=own)
        shown.append(found)
        kept = found[1] > 0
        assert 0.5 < kept.mean() < 1
        assert np.abs(found[0] - whole[0])[kept].max() < 0.02
        np.testing.assert_array_equal(found, example(taking, ramp(), own=own))
    assert len({part.tobytes() for part in shown}) == 8
    np.testing.assert_array_equal(
        example(taking, ramp(), training=False), example(plain, ramp(), training=False)
    )


def test_what_is_off_draws_nothing() -> None:
    own = np.random.default_rng(0)
    modality().transform(ramp(), training=True, shared=np.random.default_rng(1), own=own)
    assert own.random() == np.random.default_rng(0).random()


def test_evaluation_draws_nothing_and_sees_the_centre() -> None:
    shared, own = np.random.default_rng(0), np.random.default_rng(0)
    found = modality(size=48).transform(ramp(48, 96), training=False, shared=shared, own=own)
    assert shared.random() == own.random() == np.random.default_rng(0).random()
    np.testing.assert_allclose(found[0], ramp(48, 96)[:, 24:72] / 10_000, rtol=1e-6)


def test_squash_sees_everything() -> None:
    found = example(modality(size=48, resize="squash"), ramp(48, 96), training=False)
    assert found[0].min() == pytest.approx(0.1, abs=0.005)
    assert found[0].max() == pytest.approx(0.5, abs=0.005)


def test_flip_mirrors_depth_and_validity_alike() -> None:
    plain = example(modality(), with_holes())
    mirrored = example(modality(flip=1.0), with_holes())
    np.testing.assert_array_equal(mirrored, plain[:, :, ::-1])


def test_a_crop_without_readings_is_all_zero() -> None:
    value = np.zeros((32, 64), np.uint16)
    value[:, :4] = 1000
    assert not example(modality(), value, training=False).any()


def test_the_value_is_left_alone() -> None:
    value = with_holes()
    example(modality(flip=1.0), value)
    np.testing.assert_array_equal(value, with_holes())


def test_collate_stacks_floats() -> None:
    of = modality(size=16)
    inputs = of.collate([example(of, ramp()), example(of, with_holes())])
    assert inputs.dtype == torch.float32
    assert inputs.shape == (2, 2, 16, 16)


def test_show_is_a_picture() -> None:
    shown = modality().show(with_holes())
    assert shown.dtype == np.uint8
    assert shown.shape == (48, 64, 3)


def test_spec_says_what_an_encoder_must_know() -> None:
    found = modality(size=32, max_metres=8.0).spec()
    assert found == {"size": 32, "channels": 2, "max_metres": 8.0}


def test_fit_learns_nothing_and_a_copy_works() -> None:
    of = modality()
    assert of.fit([ramp()]) == {}
    assert pickle.loads(pickle.dumps(of)) == of


def test_real_eight_bit_depth_needs_and_takes_its_unit(shared_data: Path) -> None:
    folder = shared_data / "nyuv2"
    with (folder / "index.csv").open(encoding="utf-8") as file:
        number = next(csv.DictReader(file))["image"]
    path = f"nyu_depths/{number}.png"
    with pytest.raises(ValueRejectedError, match="8-bit depth"):
        modality().pack(path, str(folder))
    of = modality(unit="255=10m")
    value = of.decode(of.pack(path, str(folder)))
    # A kitchen, not a valley.
    assert 300 < np.median(value[value > 0]) < 6000
    assert example(of, value).std() > 0


def test_real_sixteen_bit_depth_is_taken_as_it_is(shared_data: Path) -> None:
    path = sorted((shared_data / "7scenes" / "data").glob("*.depth.png"))[0]
    value = modality().decode(modality().pack(path.name, str(path.parent)))
    assert 300 < np.median(value[value > 0]) < 6000
    assert (value == 0).any()
