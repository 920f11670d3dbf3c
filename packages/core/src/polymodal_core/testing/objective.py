"""Conformance of an objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from polymodal_core.config import ObjectiveConfig
from polymodal_core.objective import needs_joint, takes
from polymodal_core.protocols import LossOutput
from polymodal_core.testing.configs import check_config
from polymodal_core.testing.equality import close
from polymodal_core.testing.rules import Rules

BATCH, DIM, CLASSES = 8, 16, 4
Tensors = dict[str, Tensor]


def check_objective(config: ObjectiveConfig, *, columns: Sequence[str] | None = None) -> nn.Module:
    """Hold an objective to the contract, over embeddings of `columns`; give it back.

    `columns` default to those of the config's pairs, else to two. Raises ConformanceError that
    names the rule broken.
    """
    rules = Rules(type(config).__name__)
    check_config(rules, config, ObjectiveConfig)
    names = list(columns or dict.fromkeys(name for pair in config.weights() or () for name in pair))
    names = names or ["image", "text"]
    with rules.runs("must build"):
        known = {"columns": names, "dim": DIM, "classes": CLASSES}
        objective = config.build(**{name: known[name] for name in config.needs()})
    rules.require(
        isinstance(objective, nn.Module),
        "build must give an nn.Module",
        f"it gave {type(objective).__name__}",
    )
    z, present = _embeddings(names)
    _check_output(rules, objective, z, present)
    _check_absent(rules, objective, z, present)
    _check_empty(rules, objective, z)
    _check_order(rules, objective, z, present)
    _check_arguments(rules, objective, z)
    return cast("nn.Module", objective)


def _embeddings(names: Sequence[str], *, seed: int = 1) -> tuple[Tensors, Tensors]:
    generator = torch.Generator().manual_seed(seed)
    z, present = {}, {}
    for number, name in enumerate(names):
        vectors = torch.randn(BATCH, DIM, generator=generator, dtype=torch.float64)
        z[name] = F.normalize(vectors, dim=1).requires_grad_()
        present[name] = torch.ones(BATCH, dtype=torch.bool)
        present[name][number % BATCH] = False
    return z, present


def _call(
    objective: object,
    z: Tensors,
    present: Tensors | None,
    groups: Tensor | None = None,
    labels: Tensor | None = None,
) -> LossOutput:
    loss = cast("nn.Module", objective)
    given: Tensors = {}
    if takes(loss, "labels"):
        given["labels"] = torch.arange(BATCH) % CLASSES if labels is None else labels
    if needs_joint(loss):
        given["joint"] = _joint(z, present)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return cast("LossOutput", loss(z, present=present, groups=groups, **given))


def _joint(z: Tensors, present: Tensors | None) -> Tensor:
    # Whole rows: the renormalised mean of what is present, as of a model without fusion.
    parts = [
        vectors if present is None else torch.where(present[name][:, None], vectors, 0.0)
        for name, vectors in z.items()
    ]
    return F.normalize(torch.stack(parts).sum(dim=0), dim=1)


def _check_output(rules: Rules, objective: object, z: Tensors, present: Tensors) -> None:
    with rules.runs("must take embeddings, and presence by column"):
        output = _call(objective, z, present)
    total = output.total
    names = set(z) | (
        {"joint", "label"} if takes(cast("nn.Module", objective), "labels") else set()
    )
    rules.require(
        total.ndim == 0 and bool(total.isfinite()) and total.requires_grad,
        "total must be a finite scalar with a graph",
        f"it is {total!r}",
    )
    rules.require(bool(output.parts), "parts must hold a scalar per pair", "it is empty")
    rules.require(
        output.parts.keys() == output.anchors.keys(), "parts and anchors must have the same pairs"
    )
    for pair, part in output.parts.items():
        rules.require(
            isinstance(pair, tuple) and len(pair) == 2 and set(pair) <= names,
            "the keys of parts must be pairs of columns",
            f"one is {pair!r}",
        )
        rules.require(
            part.ndim == 0 and not part.requires_grad, "parts must be detached scalars", f"{pair}"
        )
        count = output.anchors[pair]
        rules.require(
            count.dtype == torch.int64 and count.ndim == 0 and 0 <= int(count) <= 2 * BATCH,
            "anchors must be int64 scalars, the number of anchors of a pair",
            f"{pair}: {count!r}",
        )
    gradients = torch.autograd.grad(total, list(z.values()), allow_unused=True)
    for name, gradient in zip(z, gradients, strict=True):
        rules.require(
            gradient is not None and bool((gradient != 0).any()),
            "a gradient must reach every column",
            f"none reaches '{name}'",
        )
    rules.require(
        close(total, _call(objective, z, present).total, tolerance=0.0),
        "equal embeddings must give an equal total",
    )


def _check_absent(rules: Rules, objective: object, z: Tensors, present: Tensors) -> None:
    total = _call(objective, z, present).total
    gradients = torch.autograd.grad(total, list(z.values()))
    for (name, mask), gradient in zip(present.items(), gradients, strict=True):
        rules.require(
            not bool((gradient[~mask] != 0).any()),
            "absent rows must get no gradient",
            f"column '{name}'",
        )
    others, _ = _embeddings(list(z), seed=2)
    changed = {
        name: torch.where(present[name][:, None], vectors, others[name]).detach()
        for name, vectors in z.items()
    }
    rules.require(
        close(total, _call(objective, changed, present).total, tolerance=1e-9),
        "what stands in absent rows must not change the total",
    )


def _check_empty(rules: Rules, objective: object, z: Tensors) -> None:
    nobody = {name: torch.zeros(BATCH, dtype=torch.bool) for name in z}
    with rules.runs("must take a batch in which nothing is present"):
        total = _call(objective, z, nobody).total
        gradients = torch.autograd.grad(total, list(z.values()), allow_unused=True)
    rules.require(bool(total.isfinite()), "a batch without pairs must give no NaN", f"{total!r}")
    rules.require(
        all(item is None or not bool((item != 0).any()) for item in gradients),
        "a batch without pairs must give no gradient",
    )


def _check_order(rules: Rules, objective: object, z: Tensors, present: Tensors) -> None:
    order = (3 * torch.arange(BATCH) + 1) % BATCH  # no row stays where it was
    groups = torch.arange(BATCH) // 2
    labels = torch.arange(BATCH) % CLASSES
    moved = {name: vectors[order] for name, vectors in z.items()}
    masks = {name: mask[order] for name, mask in present.items()}
    with rules.runs("must take groups, int [batch]"):
        total = _call(objective, z, present, groups, labels).total
        other = _call(objective, moved, masks, groups[order], labels[order]).total
    rules.require(
        close(total, other, tolerance=1e-9),
        "the order of rows in a batch must not change the total",
    )


def _check_arguments(rules: Rules, objective: object, z: Tensors) -> None:
    everything = {name: torch.ones(BATCH, dtype=torch.bool) for name in z}
    alone = torch.arange(BATCH)
    with rules.runs("presence and groups may be None"):
        total = _call(objective, z, None, None).total
    rules.require(
        close(total, _call(objective, z, everything).total, tolerance=1e-9),
        "presence None must mean that everything is present",
    )
    rules.require(
        close(total, _call(objective, z, everything, alone).total, tolerance=1e-9),
        "groups None must mean that every row is a group of its own",
    )
    with rules.runs("must take float32 embeddings"):
        single = _call(objective, {name: item.float() for name, item in z.items()}, None).total
    rules.require(
        close(total, single.double(), tolerance=1e-3),
        "float32 and float64 must agree",
        f"{single.item()} and {total.item()}",
    )
