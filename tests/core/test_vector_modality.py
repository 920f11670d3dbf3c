"""Vectors: packing, refusals, normalisation against float64, corruptions, pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError, ValueRejectedError
from polymodal_core.vector_modality import PICTURE_HEIGHT, PICTURE_WIDTH, VectorModality

RNG = np.random.default_rng(0)
VALUES = list(RNG.normal(3.0, 2.0, (50, 7)).astype(np.float32))


def modality(**options: Any) -> VectorModality:
    return VectorModality(**{"normalise": "standard", **options})


def fitted(values: list[Any] = VALUES, **options: Any) -> VectorModality:
    return modality(state=modality(**options).fit(iter(values)), **options)


def transformed(vectors: VectorModality, value: Any) -> Any:
    return vectors.transform(value, training=False, shared=RNG, own=RNG)


@pytest.mark.parametrize(
    "value",
    [
        [1, 2.5, -3],
        (1, 2.5, -3),
        np.array([1, 2.5, -3], dtype=np.float16),
        "1 2.5 -3",
        " 1, 2.5 ,-3 ",
        "1;2.5;-3",
        "[1, 2.5, -3]",
    ],
)
def test_a_vector_in_any_form_is_packed_as_float32(value: Any) -> None:
    payload = modality().pack(value, None)
    assert payload == np.array([1, 2.5, -3], dtype="<f4").tobytes()
    decoded = modality().decode(payload)
    assert decoded.dtype == np.float32
    assert decoded.tolist() == [1, 2.5, -3]


def test_a_file_is_found_below_the_root(tmp_path: Path) -> None:
    np.save(tmp_path / "wings.npy", np.array([0.5, 4.0]))
    assert modality().decode(modality().pack("wings.npy", str(tmp_path))).tolist() == [0.5, 4.0]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1.0, 2.0, float("nan")], r"number 2 \(counted from 0\) is nan"),
        ([float("-inf"), 0.0], r"number 0 \(counted from 0\) is -inf"),
        ([0.0, 1e300], r"number 1 \(counted from 0\) is 1e\+300"),
        ([], r"shape \[0\]"),
        ([[1.0, 2.0]], r"shape \[1, 2\]; wanted one vector \[dim\]"),
        (3.0, r"shape \[\]"),
        (None, "no list or array of numbers"),
        ([1.0, "x"], "no list or array of numbers"),
        ([[1.0], [1.0, 2.0]], "no list or array of numbers"),
        ([1 + 2j], "no list or array of numbers"),
        ("red wings", "'red wings' is neither numbers .* nor the path of an .npy file"),
        ("", r"shape \[0\]"),
        ("nowhere.npy", "nowhere.npy: no such file"),
    ],
)
def test_what_is_no_vector_is_refused_with_words(value: Any, message: str) -> None:
    with pytest.raises(ValueRejectedError, match=message):
        modality().pack(value, None)


def test_a_damaged_or_pickled_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\x01")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    for name in ("cut.npy", "objects.npy"):
        with pytest.raises(ValueRejectedError, match=f"{name}: no readable"):
            modality().pack(name, str(tmp_path))


@pytest.mark.parametrize("payload", [b"", b"12345"])
def test_bytes_of_no_vector_are_refused(payload: bytes) -> None:
    with pytest.raises(ValueRejectedError, match=f"{len(payload)} bytes"):
        modality().decode(payload)


def test_the_mean_of_several_vectors_is_packed_where_averaging() -> None:
    several = RNG.normal(size=(6, 4))
    payload = modality(average=True).pack(several, None)
    assert payload == several.mean(axis=0).astype("<f4").tobytes()
    several[1, 2] = np.nan
    with pytest.raises(ValueRejectedError, match=r"number \[1, 2\]"):
        modality(average=True).pack(several, None)
    with pytest.raises(ValueRejectedError, match=r"or several of them \[instances, dim\]"):
        modality(average=True).pack(np.zeros((1, 1, 1)), None)


def test_standard_normalisation_is_that_of_float64() -> None:
    far = np.array([1e4, 0, 0, 0, 0, 0, 0])
    offset = list((np.stack(VALUES) + far).astype(np.float32))
    stacked = np.stack(offset).astype(np.float64)
    expected = (stacked - stacked.mean(axis=0)) / stacked.std(axis=0)
    vectors = fitted(offset)
    found = np.stack([transformed(vectors, value) for value in offset])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_a_constant_dimension_becomes_zero() -> None:
    values = [np.array([0.1, 1e6, 0.0, number], dtype=np.float32) for number in range(1000)]
    vectors = fitted(values)
    found = transformed(vectors, np.array([0.1, 1e6, 0.0, 3.0], dtype=np.float32))
    assert found[:3].tolist() == [0, 0, 0]
    assert found[3] != 0
    unseen = transformed(vectors, np.array([0.7, 2e6, 1.0, 3.0], dtype=np.float32))
    assert unseen[:3].tolist() == [0, 0, 0]


def test_unit_and_none() -> None:
    unit = fitted(normalise="unit")
    assert np.linalg.norm(transformed(unit, VALUES[0])) == pytest.approx(1.0, abs=1e-6)
    assert transformed(unit, np.zeros(7, dtype=np.float32)).tolist() == [0] * 7
    assert transformed(fitted(normalise="none"), VALUES[0]).tolist() == VALUES[0].tolist()


def test_lengths_that_differ_are_named() -> None:
    with pytest.raises(ValueRejectedError, match="a vector of 3 numbers; the 50 before it have 7"):
        modality().fit(iter([*VALUES, np.zeros(3, dtype=np.float32)]))
    with pytest.raises(ValueRejectedError, match="a vector of 3 numbers; the training split has 7"):
        transformed(fitted(), np.zeros(3, dtype=np.float32))


def test_an_empty_training_split_and_an_unfitted_modality_say_so() -> None:
    with pytest.raises(PolymodalError, match="no vector to learn"):
        modality().fit(iter([]))
    with pytest.raises(PolymodalError, match="only after `fit`"):
        modality().spec()
    assert fitted().spec() == {"dim": 7}


def test_flipping_mirrors_a_dimension_in_its_training_range() -> None:
    binary = [np.array(bits, dtype=np.float32) for bits in ([0, 1, 0], [1, 0, 5])]
    flip = fitted(binary).corruptions()["flip"]
    assert flip(binary[0], 1.0, np.random.default_rng(0)).tolist() == [1, 0, 5]


def test_severity_is_the_share_of_dimensions_set_to_zero() -> None:
    value = np.ones(20_000, dtype=np.float32)
    damaged = modality().corruptions()["zero"](value, 0.3, np.random.default_rng(0))
    assert 1 - damaged.mean() == pytest.approx(0.3, abs=0.02)


def test_noise_has_the_spread_of_its_dimension() -> None:
    values = [
        np.array([low, high], dtype=np.float32) for low, high in RNG.normal(0, [0.1, 50], (400, 2))
    ]
    noise = fitted(values).corruptions()["noise"]
    rng = np.random.default_rng(1)
    added = np.stack([noise(values[0], 0.5, rng) - values[0] for _ in range(2000)])
    np.testing.assert_allclose(added.std(axis=0), 0.5 * np.std(values, axis=0), rtol=0.06)


def test_names_make_a_text_of_the_most_unusual_dimensions() -> None:
    names = [f"part {number}" for number in range(7)]
    value = np.stack(VALUES).mean(axis=0)
    value[4] += 20
    shown = fitted(names=names).show(value)
    assert isinstance(shown, str)
    assert shown.startswith(f"part 4 {value[4]:.3g}, ")
    assert shown.count(",") == 5


def test_names_of_another_number_are_refused() -> None:
    with pytest.raises(ValueRejectedError, match="a vector of 3 numbers; `names` has 2"):
        modality(names=["a", "b"]).pack([1, 2, 3], None)


@pytest.mark.parametrize("dim", [1, 7, 312, 5000])
def test_without_names_bars_are_drawn_up_and_down(dim: int) -> None:
    value = np.ones(dim, dtype=np.float32)
    value[dim // 2 :] *= -1
    picture = modality().show(value)
    assert isinstance(picture, np.ndarray)
    assert picture.shape == (PICTURE_HEIGHT, PICTURE_WIDTH, 3)
    up = (picture[: PICTURE_HEIGHT // 2] != 255).any(axis=(0, 2))
    down = (picture[PICTURE_HEIGHT // 2 + 1 :] != 255).any(axis=(0, 2))
    assert not (up & down).any()
    assert down[-2]
    if dim > 1:
        assert up[0]


def test_a_vector_of_zeros_draws_the_axis_alone() -> None:
    picture = np.asarray(modality().show(np.zeros(5, dtype=np.float32)))
    assert (picture != 255).any(axis=(1, 2)).sum() == 1
