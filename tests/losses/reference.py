"""Independent references: the definitions written out loop by loop on Python's own floats."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

Pair = tuple[str, str]


@dataclass
class Case:
    embeddings: dict[str, Tensor]
    present: dict[str, Tensor]
    groups: Tensor | None
    pairs: dict[Pair, float] | None
    temperature: float


def unit(batch: int, dim: int, *, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(batch, dim, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(z, dim=-1).to(dtype)


def random_case(seed: int) -> Case:
    """Any number of columns; missing rows, empty columns, duplicates, ties, groups, weights."""
    generator = torch.Generator().manual_seed(seed)

    def draw(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (1,), generator=generator))

    columns = [f"m{number}" for number in range(draw(2, 5))]
    batch, dim = draw(1, 9), draw(1, 6)
    embeddings = {c: unit(batch, dim, seed=1000 * seed + i) for i, c in enumerate(columns)}
    for column in columns:
        if batch > 1 and draw(0, 2) == 0:  # a row that repeats another one exactly
            embeddings[column][draw(0, batch - 1)] = embeddings[column][draw(0, batch - 1)]
    if draw(0, 3) == 0:  # the same vectors in two columns: every positive ties with its own twin
        embeddings[columns[1]] = embeddings[columns[0]].clone()
    share = (0.0, 0.3, 0.6, 1.0)[draw(0, 3)]
    present = {c: torch.rand(batch, generator=generator) >= share * 0.9 for c in columns}
    if draw(0, 3) == 0:
        present[columns[draw(0, len(columns) - 1)]][:] = False
    groups = None
    if draw(0, 2) > 0:
        groups = torch.randint(-2, max(1, batch // 2) + 1, (batch,), generator=generator)
    pairs = None
    if draw(0, 1) == 1:
        every = list(combinations(columns, 2))
        chosen = every[: draw(1, len(every))]
        pairs = {(b, a) if draw(0, 1) else (a, b): draw(0, 20) / 10 for a, b in chosen}
    return Case(embeddings, present, groups, pairs, temperature=(0.01, 0.07, 0.5, 2.0)[draw(0, 3)])


def contrastive_pair(case: Case, a: str, b: str) -> tuple[float, int]:
    """Loss and number of anchors of one pair, from the definition of PCMC."""
    anchors = [p for p in range(_batch(case)) if _has(case, a, p) and _has(case, b, p)]
    if not anchors:
        return 0.0, 0
    return (_direction(case, a, b, anchors) + _direction(case, b, a, anchors)) / 2, len(anchors)


def contrastive_total(case: Case) -> float:
    weights: Mapping[Pair, float] = case.pairs or dict.fromkeys(
        combinations(case.embeddings, 2), 1.0
    )
    return math.fsum(w * contrastive_pair(case, a, b)[0] for (a, b), w in weights.items())


def _direction(case: Case, source: str, target: str, anchors: list[int]) -> float:
    losses = []
    for p in anchors:
        logits = {}
        for q in range(_batch(case)):
            if not _has(case, target, q) or (q != p and _same_group(case, p, q)):
                continue
            logits[q] = _dot(case, source, p, target, q) / case.temperature
        top = max(logits.values())
        log_sum = top + math.log(math.fsum(math.exp(value - top) for value in logits.values()))
        losses.append(log_sum - logits[p])
    return math.fsum(losses) / len(losses)


def _dot(case: Case, source: str, p: int, target: str, q: int) -> float:
    left = case.embeddings[source][p].tolist()
    right = case.embeddings[target][q].tolist()
    return math.fsum(x * y for x, y in zip(left, right, strict=True))


def _same_group(case: Case, p: int, q: int) -> bool:
    if case.groups is None:
        return False
    left, right = int(case.groups[p]), int(case.groups[q])
    return left >= 0 and left == right


def _has(case: Case, column: str, row: int) -> bool:
    return bool(case.present[column][row])


def _batch(case: Case) -> int:
    return next(iter(case.embeddings.values())).shape[0]
