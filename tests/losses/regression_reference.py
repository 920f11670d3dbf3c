"""PCMR written out loop by loop on Python's own floats, from its definition."""

from __future__ import annotations

import math
from itertools import combinations

from .reference import Case, _batch, _dot, _has, _same_group


def regression_pair(
    case: Case, a: str, b: str, *, power: str, rho: float, rule: str, threshold: float
) -> float:
    terms = []
    for p in range(_batch(case)):
        for q in range(_batch(case)):
            if _has(case, a, p) and _has(case, b, q):
                match = matches(case, p, q, rule=rule, threshold=threshold)
                terms.append(abs(_dot(case, a, p, b, q) - match))
    if power == "elementwise":
        return math.fsum(math.pow(term, 2 + rho) for term in terms)
    return math.pow(math.sqrt(math.fsum(term * term for term in terms)), 2 + rho)


def regression_total(case: Case, *, power: str, rho: float, rule: str, threshold: float) -> float:
    weights = case.pairs or dict.fromkeys(combinations(case.embeddings, 2), 1.0)
    return math.fsum(
        weight * regression_pair(case, a, b, power=power, rho=rho, rule=rule, threshold=threshold)
        for (a, b), weight in weights.items()
    )


def matches(case: Case, p: int, q: int, *, rule: str, threshold: float) -> int:
    if p == q:
        return 1
    if rule == "groups":
        return int(_same_group(case, p, q))
    shared = [c for c in case.embeddings if _has(case, c, p) and _has(case, c, q)]
    return int(any(_dot(case, c, p, c, q) > threshold for c in shared))
