"""The sigmoid loss written out pair of rows by pair of rows on Python's own floats."""

from __future__ import annotations

import math
from itertools import combinations

from .reference import Case, _batch, _dot, _has, _same_group


def sigmoid_pair(case: Case, a: str, b: str, bias: float) -> tuple[float, int]:
    rows = range(_batch(case))
    anchors = [p for p in rows if _has(case, a, p) and _has(case, b, p)]
    if not anchors:
        return 0.0, 0
    losses = []
    for p in rows:
        for q in rows:
            if not (_has(case, a, p) and _has(case, b, q)):
                continue
            logit = _dot(case, a, p, b, q) / case.temperature + bias
            if p == q:
                losses.append(_softplus(-logit))
            elif (p in anchors or q in anchors) and not _same_group(case, p, q):
                losses.append(_softplus(logit))
    return math.fsum(losses) / len(anchors), len(anchors)


def sigmoid_total(case: Case, bias: float) -> float:
    weights = case.pairs or dict.fromkeys(combinations(case.embeddings, 2), 1.0)
    return math.fsum(w * sigmoid_pair(case, a, b, bias)[0] for (a, b), w in weights.items())


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
