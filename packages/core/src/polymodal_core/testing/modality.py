"""Conformance of a kind of modality."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from polymodal_core.config import ModalityConfig
from polymodal_core.errors import ValueRejectedError
from polymodal_core.protocols import Modality, State
from polymodal_core.testing.configs import check_config
from polymodal_core.testing.equality import same, tensors_in
from polymodal_core.testing.generators import seeded
from polymodal_core.testing.rules import Rules


def check_modality(
    config: ModalityConfig,
    values: Sequence[Any],
    *,
    root: str | None = None,
    rejects: Sequence[Any] = (),
    round_trip: Callable[[Any, Any], bool] | None = None,
) -> Modality:
    """Hold a kind of modality to the contract, and give it back fitted on `values`.

    `values` are two or more different raw values that `pack` takes, `rejects` are some that it
    must refuse. `round_trip(value, decoded)` says whether packing has kept a value; by default
    texts, and arrays that come back in their own shape and data type, must come back equal.
    Raises ConformanceError that names the rule broken.
    """
    rules = Rules(type(config).__name__)
    check_config(rules, config, ModalityConfig)
    rules.require(len(values) > 1, "give two or more values to check with", f"{len(values)} given")
    with rules.runs("must build with defaults, and without state: packing needs no recipe"):
        type(config).model_validate({}).build()
        modality = config.build()
    payloads = _check_pack(rules, modality, values, root, rejects)
    decoded = _check_decode(rules, modality, values, payloads, round_trip or _kept)
    state = _check_fit(rules, modality, decoded)
    fitted = config.build(state)
    examples = _check_transform(rules, fitted, decoded)
    _check_state(rules, config, state, decoded, examples)
    _check_pickle(rules, fitted, decoded, examples)
    _check_screen(rules, fitted, payloads)
    _check_collate(rules, fitted, examples)
    _check_corruptions(rules, fitted, decoded)
    _check_extent(rules, fitted, payloads)
    _check_show(rules, fitted, decoded)
    _check_spec(rules, fitted)
    return fitted


def _check_pack(
    rules: Rules,
    modality: Modality,
    values: Sequence[Any],
    root: str | None,
    rejects: Sequence[Any],
) -> list[bytes]:
    with rules.runs("pack must take every value given"):
        payloads = [modality.pack(value, root) for value in values]
        again = [modality.pack(value, root) for value in values]
    for payload in payloads:
        found = f"it gave {type(payload).__name__}"
        rules.require(type(payload) is bytes and len(payload) > 0, "pack must give bytes", found)
    rules.require(payloads == again, "pack must give the same bytes for the same value")
    for value in rejects:
        try:
            modality.pack(value, root)
        except ValueRejectedError as error:
            rules.require(bool(str(error)), "a refused value needs a message", f"for {value!r:.60}")
            continue
        except Exception as error:
            found = f"{value!r:.60} raised {type(error).__name__}: {error}"
            rules.require(False, "pack must refuse a bad value with ValueRejectedError", found)
        rules.require(False, "pack must refuse a bad value", f"it took {value!r:.60}")
    return payloads


def _check_decode(
    rules: Rules,
    modality: Modality,
    values: Sequence[Any],
    payloads: Sequence[bytes],
    kept: Callable[[Any, Any], bool],
) -> list[Any]:
    with rules.runs("decode must take what pack gave"):
        decoded = [modality.decode(payload) for payload in payloads]
        again = [modality.decode(payload) for payload in payloads]
    rules.require(same(decoded, again), "decode must give the same value for the same bytes")
    for value, back in zip(values, decoded, strict=True):
        rules.require(
            kept(value, back),
            "decode must give back the value that was packed",
            f"{value!r:.80} came back as {back!r:.80}",
        )
    rules.require(
        len(set(payloads)) < 2 or not all(same(decoded[0], other) for other in decoded[1:]),
        "decode must keep different values apart",
        "it gave equal values for different bytes",
    )
    return decoded


def _kept(value: Any, decoded: Any) -> bool:
    if isinstance(value, str) and isinstance(decoded, str):
        import unicodedata

        return unicodedata.normalize("NFC", value) == unicodedata.normalize("NFC", decoded)
    if isinstance(value, np.ndarray) and isinstance(decoded, np.ndarray):
        comparable = value.shape == decoded.shape and value.dtype == decoded.dtype
        return not comparable or np.array_equal(value, decoded, equal_nan=value.dtype.kind == "f")
    return True


def _check_fit(rules: Rules, modality: Modality, decoded: Sequence[Any]) -> State:
    with rules.runs("fit must take an iterator over decoded values, read once"):
        state = modality.fit(iter(copy.deepcopy(list(decoded))))
        again = modality.fit(iter(copy.deepcopy(list(decoded))))
    with rules.runs("the state from fit must be plain data (JSON), since it is saved with the run"):
        back = json.loads(json.dumps(state, allow_nan=False))
    rules.require(
        isinstance(state, dict) and same(back, state),
        "the state from fit must come back equal from JSON: str keys, lists, numbers, text",
        f"it is {state!r:.80}",
    )
    rules.require(same(state, again), "fit must learn the same from the same values")
    return state


def _check_transform(rules: Rules, modality: Modality, decoded: Sequence[Any]) -> list[Any]:
    originals = copy.deepcopy(list(decoded))
    with rules.runs("transform must take decoded values, training and not"):
        once = _transform(modality, decoded, training=True, seed=1)
        twice = _transform(modality, decoded, training=True, seed=1)
        examples = _transform(modality, decoded, training=False, seed=1)
        others = _transform(modality, decoded, training=False, seed=2)
    rules.require(
        same(once, twice),
        "transform must be repeatable: equal generators, equal example; draw from `shared` and "
        "`own` alone",
    )
    rules.require(
        same(examples, others), "transform must not depend on the generators outside training"
    )
    rules.require(same(originals, list(decoded)), "transform must leave its value unchanged")
    return examples


def _transform(
    modality: Modality, values: Sequence[Any], *, training: bool, seed: int
) -> list[Any]:
    examples = []
    for value in values:
        shared, own = seeded(seed)
        examples.append(modality.transform(value, training=training, shared=shared, own=own))
    return examples


def _check_state(
    rules: Rules,
    config: ModalityConfig,
    state: State,
    decoded: Sequence[Any],
    examples: Sequence[Any],
) -> None:
    with rules.runs("must build from its state after a round trip through JSON"):
        rebuilt = config.build(json.loads(json.dumps(state)))
        found = _transform(rebuilt, decoded, training=False, seed=1)
    rules.require(
        same(list(examples), found),
        "a modality rebuilt from its state as JSON must transform as before",
    )


def _check_pickle(
    rules: Rules, modality: Modality, decoded: Sequence[Any], examples: Sequence[Any]
) -> None:
    with rules.runs("must be picklable, before and after use, for loading workers"):
        copied = pickle.loads(pickle.dumps(modality))
        found = _transform(copied, decoded, training=False, seed=1)
    rules.require(same(list(examples), found), "a pickled modality must transform as before")


def _check_screen(rules: Rules, modality: Modality, payloads: Sequence[bytes]) -> None:
    with rules.runs("screen must give None, or a test that takes every stored value"):
        screen = modality.screen()
        answers = [] if screen is None else [screen(payload) for payload in payloads]
        again = [] if screen is None else [screen(payload) for payload in payloads]
    rules.require(
        all(isinstance(answer, bool) for answer in answers) and answers == again,
        "a screen must say True or False, always the same of the same bytes",
        f"it said {answers!r:.60}, then {again!r:.60}",
    )


def _check_collate(rules: Rules, modality: Modality, examples: Sequence[Any]) -> None:
    with rules.runs("collate must take any number of examples, one among them"):
        inputs = modality.collate(list(examples))
        singles = [modality.collate([example]) for example in examples]
    leaves = dict(tensors_in(inputs))
    rules.require(bool(leaves), "collate must give tensors", "it gave none")
    for path, leaf in leaves.items():
        rules.require(
            isinstance(leaf, Tensor),
            "collate must give a tensor, or nested dicts and lists of tensors",
            f"{path} is {type(leaf).__name__}",
        )
        rules.require(
            leaf.ndim > 0 and leaf.shape[0] == len(examples),
            "the first axis of collated inputs must be `present`, one entry per example",
            f"{path} has shape {list(leaf.shape)} for {len(examples)} examples",
        )
        rules.require(
            bool(leaf.isfinite().all()), "collated inputs must be finite", f"{path} is not"
        )
        for index, single in enumerate(singles):
            alone = dict(tensors_in(single)).get(path)
            rules.require(
                alone is not None and _is_start_of(alone[0], leaf[index]),
                "collating with others must change nothing of an example but its padding",
                f"{path} of example {index} differs",
            )


def _is_start_of(alone: Tensor, together: Tensor) -> bool:
    if alone.ndim != together.ndim or alone.dtype != together.dtype:
        return False
    return same(together[tuple(slice(size) for size in alone.shape)], alone)


def _check_extent(rules: Rules, modality: Modality, payloads: Sequence[bytes]) -> None:
    with rules.runs("extent must take every stored value"):
        extents = [modality.extent(payload) for payload in payloads]
    for found in extents:
        rules.require(
            found is None
            or (
                isinstance(found, tuple)
                and [type(side) for side in found] == [int, int]
                and min(found) > 0
            ),
            "extent must be (height, width) in pixels, or None",
            f"it is {found!r}",
        )


def _check_corruptions(rules: Rules, modality: Modality, decoded: Sequence[Any]) -> None:
    with rules.runs("corruptions must give functions by name"):
        corruptions = dict(modality.corruptions())
    originals = copy.deepcopy(list(decoded))
    for name, corrupt in corruptions.items():
        with rules.runs(f"corruption '{name}' must take decoded values and severities in 0..1"):
            unharmed = [corrupt(value, 0.0, np.random.default_rng(1)) for value in decoded]
            damaged = [corrupt(value, 1.0, np.random.default_rng(1)) for value in decoded]
            again = [corrupt(value, 1.0, np.random.default_rng(1)) for value in decoded]
            _transform(modality, damaged, training=False, seed=1)
        rules.require(
            same(unharmed, originals), f"corruption '{name}' must change nothing at severity 0"
        )
        rules.require(same(damaged, again), f"corruption '{name}' must be repeatable")
        rules.require(
            not same(damaged, originals), f"corruption '{name}' must change something at severity 1"
        )
        rules.require(
            same(originals, list(decoded)), f"corruption '{name}' must leave its value unchanged"
        )


def _check_show(rules: Rules, modality: Modality, decoded: Sequence[Any]) -> None:
    for value in decoded:
        with rules.runs("show must take a decoded value"):
            shown = modality.show(value)
        with rules.runs("window and spans must take a decoded value"):
            window, spans = modality.window(value), modality.spans(value)
        inside = 0 <= window.left < window.right <= 1 and 0 <= window.top < window.bottom <= 1
        rules.require(inside, "window must lie within 0..1", f"it is {window}")
        ends = [0, *(end for span in spans or () for end in span)]
        rules.require(
            spans is None or (isinstance(shown, str) and 0 <= min(ends) <= max(ends) <= len(shown)),
            "spans must lie within the text that show gives",
            f"{spans!r:.60} for {shown!r:.60}",
        )
        if isinstance(shown, np.ndarray):
            fits = shown.dtype == np.uint8 and shown.ndim == 3 and shown.shape[2] == 3
            found = f"{shown.dtype} {list(shown.shape)}"
        else:
            fits, found = isinstance(shown, str) and bool(shown.strip()), repr(shown)[:60]
        rules.require(
            fits, "show must give a uint8 array [height, width, 3] or text", f"it gave {found}"
        )


def _check_spec(rules: Rules, modality: Modality) -> None:
    with rules.runs("spec must give what an encoder must know, as plain data, once fitted"):
        spec = modality.spec()
        back = json.loads(json.dumps(spec))
    rules.require(
        isinstance(spec, dict) and all(isinstance(key, str) for key in spec) and len(back) > 0,
        "spec must be a dict of keyword arguments for the build of an encoder",
        f"it is {spec!r:.80}",
    )
