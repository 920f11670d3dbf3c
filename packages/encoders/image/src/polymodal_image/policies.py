"""timm's automatic augmentation policies, by their names, on generators of ours."""

from __future__ import annotations

import functools
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from polymodal_core.errors import PolymodalError

Policy = Callable[[Image.Image], Image.Image]
_NUMBER = r"\d+(\.\d+)?"
_GRAMMAR = {
    "rand": rf"m\d+|n\d+|p{_NUMBER}|mstd{_NUMBER}|mmax\d+|inc[01]|t[a-z0-9]+",
    "augmix": rf"m\d+|w\d+|d\d+|a{_NUMBER}|b[01]|mstd{_NUMBER}",
    **dict.fromkeys(("v0", "v0r", "original", "originalr", "3a"), rf"mstd{_NUMBER}"),
}
_LOCK = threading.Lock()


def check_policy(name: str) -> str:
    """Give back the name of a policy; raises ValueError where timm would not understand it."""
    kind, *parts = name.split("-")
    if kind not in _GRAMMAR:
        raise ValueError(
            f"'{kind}' is no policy of timm; wanted one of {', '.join(_GRAMMAR)}, with its options "
            f'behind dashes, such as "rand-m9-mstd0.5", "augmix-m5-w4" or "3a"'
        )
    wrong = [part for part in parts if not re.fullmatch(_GRAMMAR[kind], part)]
    if wrong:
        options = _GRAMMAR[kind].replace(_NUMBER, "0.5").replace(r"\d+", "9")
        options = options.replace("[01]", "1").replace("[a-z0-9]+", "weights")
        raise ValueError(
            f"policy '{kind}' does not take '{wrong[0]}'; its options are of the form "
            f"{options.replace('|', ', ')}"
        )
    return name


@functools.lru_cache(maxsize=8)
def build_policy(name: str, *, size: int, mean: tuple[float, float, float]) -> Policy:
    """Build a policy for pictures of `size` pixels a side, as timm's `create_transform` does.

    What is turned or moved into the picture is filled with `mean` (of values in 0..1). Raises
    PolymodalError for what timm refuses.
    """
    from timm.data import auto_augment

    options: dict[str, Any] = {
        "translate_const": int(0.45 * size),
        "img_mean": tuple(min(255, round(255 * value)) for value in mean),
        "interpolation": Image.Resampling.BILINEAR,
    }
    kind = name.split("-", maxsplit=1)[0]
    make = {
        "rand": auto_augment.rand_augment_transform,
        "augmix": auto_augment.augment_and_mix_transform,
    }.get(kind, auto_augment.auto_augment_transform)
    if kind == "augmix":
        options["translate_pct"] = 0.3
    try:
        policy: Policy = make(name, options)
        for operation in _operations(policy):
            if operation.aug_fn is auto_augment.posterize:
                operation.aug_fn = _posterize
        apply_policy(policy, Image.new("RGB", (size, size)), np.random.default_rng(0))
    except (AssertionError, ValueError, TypeError, KeyError, IndexError) as error:
        raise PolymodalError(
            f"augment = '{name}' is refused by timm: {error or type(error).__name__}"
        ) from error
    return policy


def _operations(policy: Any) -> Iterator[Any]:
    # RandAugment and AugMix have `ops`, AutoAugment has sub-policies.
    parts = policy.ops if hasattr(policy, "ops") else [op for sub in policy.policy for op in sub]
    yield from parts


def _posterize(picture: Image.Image, bits: int, **_: Any) -> Image.Image:
    # timm may keep no bit at all: a black picture, which newer versions of Pillow refuse.
    return picture if bits >= 8 else ImageOps.posterize(picture, max(1, bits))


def apply_policy(policy: Policy, picture: Image.Image, own: np.random.Generator) -> Image.Image:
    """Apply a policy with what `own` draws; other users of random numbers notice nothing."""
    with _drawing_from(own):
        return policy(picture)


@contextmanager
def _drawing_from(own: np.random.Generator) -> Iterator[None]:
    # timm draws from the global generators of Python and NumPy: seeded here, and put back. The
    # lock is for threads of this process; loader workers are processes.
    first, second = own.integers(1 << 32, size=2)
    with _LOCK:
        python, numpy = random.getstate(), np.random.get_state()
        random.seed(int(first))
        np.random.seed(int(second))
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
