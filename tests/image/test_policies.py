"""timm's policies by name: what is accepted, and that our generators alone decide."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from PIL import Image
from polymodal_core.errors import PolymodalError
from polymodal_core.testing import check_modality
from polymodal_image.config import ImageConfig
from polymodal_image.policies import apply_policy, build_policy, check_policy
from pydantic import ValidationError

from tests.image.pictures import Pixels, textured

POLICIES = [
    "rand-m9-mstd0.5",
    "rand-m9-n3-inc1-p1.0-mmax10",
    "rand-tweights-mstd101",
    "rand-t3a",
    "augmix-m5-w4-d2",
    "augmix-b1-a0.5",
    "v0",
    "v0r-mstd0.5",
    "original",
    "originalr",
    "3a",
]


def example(config: ImageConfig, seed: int, *, training: bool = True) -> Pixels:
    return config.build().transform(
        textured(48, 64),
        training=training,
        shared=np.random.default_rng(0),
        own=np.random.default_rng(seed),
    )


@pytest.mark.parametrize("name", POLICIES)
def test_policies_depend_on_the_own_generator_alone(name: str) -> None:
    config = ImageConfig(size=32, augment=name)
    random.seed(1)
    np.random.seed(1)
    first = [example(config, seed) for seed in range(12)]
    random.seed(2)
    np.random.seed(2)
    again = [example(config, seed) for seed in range(12)]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len({one.tobytes() for one in first}) > 1
    assert {one.shape for one in first} == {(3, 32, 32)}


def test_other_users_of_random_numbers_notice_nothing() -> None:
    def draws(*, between: bool) -> list[float]:
        random.seed(5)
        np.random.seed(5)
        found = [random.random(), float(np.random.rand())]
        if between:
            example(ImageConfig(size=32, augment="rand-m9"), 3)
        return [*found, random.random(), float(np.random.rand())]

    assert draws(between=True) == draws(between=False)


def test_random_numbers_are_put_back_after_an_error() -> None:
    def fail(_: Image.Image) -> Image.Image:
        raise RuntimeError("broken")

    random.seed(5)
    state = random.getstate()
    with pytest.raises(RuntimeError, match="broken"):
        apply_policy(fail, Image.new("RGB", (8, 8)), np.random.default_rng(0))
    assert random.getstate() == state


def test_threads_do_not_disturb_each_other() -> None:
    config = ImageConfig(size=32, augment="rand-m9-mstd0.5")
    expected = [example(config, seed).tobytes() for seed in range(16)]
    found: dict[int, bytes] = {}

    def work(seeds: range) -> None:
        for seed in seeds:
            found[seed] = example(config, seed).tobytes()

    threads = [threading.Thread(target=work, args=(range(at, 16, 4),)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[seed] for seed in range(16)] == expected


def test_evaluation_is_not_augmented() -> None:
    plain, augmented = ImageConfig(size=32), ImageConfig(size=32, augment="rand-m9-p1.0")
    np.testing.assert_array_equal(
        example(plain, 0, training=False), example(augmented, 0, training=False)
    )


def test_what_is_moved_into_the_picture_has_the_mean_colour() -> None:
    mean = (1.0, 0.0, 0.2)
    policy = build_policy("rand-m10-n8-p1.0", size=32, mean=mean)
    shifted: Any = next(op for op in policy.ops if op.name == "TranslateXRel")  # type: ignore
    assert shifted.kwargs["fillcolor"] == (255, 0, 51)


@pytest.mark.parametrize("name", ["rand-m10-n15-p1.0-inc1", "rand-m0-n15-p1.0", "v0-mstd9"])
def test_posterizing_to_no_bit_at_all_is_no_error(name: str) -> None:
    # Pillow refuses what timm asks for here.
    config = ImageConfig(size=16, augment=name)
    assert {example(config, seed).shape for seed in range(60)} == {(3, 16, 16)}
    policy: Any = build_policy("rand-m10-n1-inc1-p1.0", size=16, mean=(0.5, 0.5, 0.5))
    (posterize,) = (op for op in policy.ops if op.name == "PosterizeIncreasing")
    found = np.asarray(posterize(Image.fromarray(textured())))
    assert set(np.unique(found)) == {0, 128}  # one bit is left


def test_contract() -> None:
    check_modality(ImageConfig(size=32, augment="rand-m9-mstd0.5"), [textured(48, 64), textured()])


@pytest.mark.parametrize("name", POLICIES)
def test_names_of_timm_are_accepted(name: str) -> None:
    assert check_policy(name) == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "'' is no policy of timm; wanted one of rand, augmix, v0"),
        ("randaugment", "'randaugment' is no policy of timm"),
        ("rand-m9-q3", "policy 'rand' does not take 'q3'; its options are of the form m9, n9"),
        ("rand-m9.5", "does not take 'm9.5'"),
        ("augmix-n2", "policy 'augmix' does not take 'n2'"),
        ("3a-m9", "policy '3a' does not take 'm9'"),
        ("rand--m9", "does not take ''"),
    ],
)
def test_other_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ImageConfig(augment=name)
    assert message in str(caught.value)


def test_what_timm_refuses_is_told_when_it_is_built() -> None:
    # More different operations than the weighted set has.
    with pytest.raises(PolymodalError, match="augment = 'rand-n99-tweights' is refused by timm"):
        ImageConfig(augment="rand-n99-tweights").build()


def test_jitter_beside_a_policy_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"jitter = 0.5 is not used where augment = '3a'"):
        ImageConfig(augment="3a", jitter=0.5)
    config = ImageConfig(augment="3a")
    assert ImageConfig.model_validate(config.model_dump()) == config


def test_a_recipe_is_checked_without_timm() -> None:
    code = (
        "import sys; from polymodal_image.config import ImageConfig; "
        "ImageConfig(augment='rand-m9'); sys.exit('timm' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
