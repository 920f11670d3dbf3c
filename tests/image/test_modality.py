from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from polymodal_core.errors import ValueRejectedError
from polymodal_image.config import ImageConfig
from polymodal_image.modality import ImageModality

from tests.image.pictures import Pixels, encoded, gradient, textured


def modality(**options: Any) -> ImageModality:
    return ImageConfig(**options).build()


def example(
    of: ImageModality, value: Pixels, *, training: bool = True, shared: int = 1, own: int = 2
) -> Pixels:
    return of.transform(
        value,
        training=training,
        shared=np.random.default_rng(shared),
        own=np.random.default_rng(own),
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_files_and_bytes_are_kept_as_they_came(tmp_path: Path, form: str) -> None:
    payload = encoded(textured(), form)
    (tmp_path / "a.bin").write_bytes(payload)
    assert modality().pack("a.bin", str(tmp_path)) == payload
    assert modality().pack(tmp_path / "a.bin", None) == payload
    assert modality().pack(payload, None) == payload


def test_arrays_come_back_exactly() -> None:
    of = modality()
    np.testing.assert_array_equal(of.decode(of.pack(textured(), None)), textured())


def test_a_truncated_jpeg_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(encoded(textured(), "JPEG")[:-200])
    with pytest.raises(ValueRejectedError, match=r"cut\.jpg: the picture is damaged or truncated"):
        modality().pack("cut.jpg", str(tmp_path))


def test_a_text_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "note.jpg").write_text("404 not found")
    with pytest.raises(ValueRejectedError, match=r"note\.jpg: is no picture"):
        modality().pack("note.jpg", str(tmp_path))


def test_other_values_are_refused() -> None:
    with pytest.raises(ValueRejectedError, match="int is no picture; wanted a path, the bytes"):
        modality().pack(3, None)


def test_pack_size_shrinks_and_is_off_by_default(tmp_path: Path) -> None:
    of = modality(pack_size=16)
    assert of.decode(of.pack(textured(48, 96), None)).shape == (16, 32, 3)
    assert modality().decode(modality().pack(textured(48, 96), None)).shape == (48, 96, 3)


def test_a_damaged_payload_is_refused_on_decoding() -> None:
    with pytest.raises(ValueRejectedError, match="damaged or truncated"):
        modality().decode(encoded(textured())[:-50])


def test_examples_are_uint8_of_the_asked_size() -> None:
    for training in (True, False):
        found = example(modality(size=32), textured(48, 80), training=training)
        assert found.dtype == np.uint8
        assert found.shape == (3, 32, 32)


def test_the_same_generators_give_the_same_example() -> None:
    of = modality(flip=0.5)
    np.testing.assert_array_equal(example(of, textured()), example(of, textured()))


def test_shared_moves_the_crop_and_own_only_the_colours() -> None:
    of = modality(size=32, crop_scale=(0.3, 0.5))
    still = modality(size=32, crop_scale=(0.3, 0.5), jitter=0.0)
    assert (example(of, textured()) != example(of, textured(), own=3)).any()
    assert (example(still, textured()) != example(still, textured(), shared=5)).any()
    np.testing.assert_array_equal(example(still, textured()), example(still, textured(), own=3))


def test_jitter_draws_nothing_from_shared() -> None:
    plain, jittered = np.random.default_rng(0), np.random.default_rng(0)
    own = np.random.default_rng(1)
    modality(jitter=0.0).transform(textured(), training=True, shared=plain, own=own)
    modality(jitter=0.5).transform(textured(), training=True, shared=jittered, own=own)
    assert plain.random() == jittered.random()


def test_noise_comes_last_and_changes_no_other_draw() -> None:
    plain, noisy = modality(noise=0.0), modality(noise=0.05)
    clean = example(plain, textured()).astype(int)
    differences = example(noisy, textured()).astype(int) - clean
    assert 0 < np.abs(differences).mean() < 255 * 0.05
    np.testing.assert_array_equal(example(noisy, textured()), example(noisy, textured()))
    assert (example(noisy, textured(), own=3) != example(noisy, textured())).any()
    np.testing.assert_array_equal(
        example(noisy, textured(), training=False), example(plain, textured(), training=False)
    )


def test_noise_follows_a_policy_too() -> None:
    plain, noisy = (modality(augment="3a", noise=noise) for noise in (0.0, 0.05))
    differences = example(noisy, textured()).astype(int) - example(plain, textured())
    assert 0 < np.abs(differences).mean() < 255 * 0.05


def test_evaluation_draws_nothing() -> None:
    shared, own = np.random.default_rng(0), np.random.default_rng(0)
    modality().transform(textured(), training=False, shared=shared, own=own)
    assert shared.random() == own.random() == np.random.default_rng(0).random()


def test_evaluation_sees_the_centre_square() -> None:
    found = example(modality(size=48), gradient(48, 96), training=False)
    np.testing.assert_array_equal(found, gradient(48, 96)[:, 24:72].transpose(2, 0, 1))


def test_the_window_is_what_evaluation_sees() -> None:
    for options in ({"size": 48}, {"size": 32, "resize": "squash"}):
        found = modality(**options)
        value = gradient(48, 96)
        left, top, right, bottom = map(round, found.window(value).box(96, 48))
        cut = Image.fromarray(value[top:bottom, left:right])
        seen = np.asarray(cut.resize((found.size, found.size), Image.Resampling.BILINEAR))
        wanted = example(found, value, training=False)
        np.testing.assert_array_equal(seen.transpose(2, 0, 1), wanted)


def test_squash_sees_everything() -> None:
    found = example(modality(size=32, resize="squash"), gradient(48, 96), training=False)
    assert found[0, :, 0].max() < 8
    assert found[0, :, -1].min() > 247
    crop = example(modality(size=32), gradient(48, 96), training=False)
    assert crop[0].min() > 60


def test_flip_mirrors_the_same_crop() -> None:
    plain = example(modality(jitter=0.0, flip=0.0), textured())
    mirrored = example(modality(jitter=0.0, flip=1.0), textured())
    np.testing.assert_array_equal(mirrored, plain[:, :, ::-1])


def test_a_crop_shows_the_place_that_was_drawn() -> None:
    of = modality(size=16, jitter=0.0, crop_scale=(0.25, 0.25))
    for seed in range(20):
        found = example(of, gradient(128, 128), shared=seed).astype(float)
        assert np.ptp(found[0]) == pytest.approx(np.ptp(found[0, 8]), abs=2)
        # A quarter of the area, however long and narrow: half of the range of each colour.
        assert np.ptp(found[0]) * np.ptp(found[1]) == pytest.approx(127 * 127, rel=0.35)


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 1)])
@pytest.mark.parametrize("training", [True, False])
def test_odd_shapes_are_no_problem(shape: tuple[int, int], training: bool) -> None:
    for seed in range(20):
        assert example(
            modality(size=8), np.full((*shape, 3), 7, np.uint8), training=training, shared=seed
        ).shape == (3, 8, 8)


def test_the_value_is_left_alone() -> None:
    value = textured()
    example(modality(flip=1.0), value)
    np.testing.assert_array_equal(value, textured())


def test_collate_stacks_without_leaving_integers() -> None:
    of = modality(size=16)
    examples = [example(of, textured(seed=seed)) for seed in range(3)]
    inputs = of.collate(examples)
    assert inputs.dtype == torch.uint8
    assert inputs.shape == (3, 3, 16, 16)
    np.testing.assert_array_equal(inputs[2].numpy(), examples[2])


def test_show_gives_the_picture() -> None:
    np.testing.assert_array_equal(modality().show(textured()), textured())


def test_spec_says_what_an_encoder_must_know() -> None:
    of = modality(size=32, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    assert of.spec() == {
        "size": 32, "channels": 3, "mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6)
    }  # fmt: skip


def test_fit_learns_nothing_and_a_copy_works() -> None:
    of = modality()
    assert of.fit([textured()]) == {}
    assert pickle.loads(pickle.dumps(of)) == of


def test_a_real_photograph_survives(shared_data: Path) -> None:
    photograph = next(iter(sorted((shared_data / "nyuv2" / "nyu_images").glob("*.jpg"))))
    of = modality(size=96)
    value = of.decode(of.pack(photograph.name, str(photograph.parent)))
    assert value.shape == (*Image.open(photograph).size[::-1], 3)
    assert example(of, value).std() > 5
