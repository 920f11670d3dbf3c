"""Distillation against its definition, row by row, and against finite differences."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
import torch
from polymodal_core.testing.configs import check_config_class
from polymodal_core.testing.rules import Rules
from polymodal_losses import PCMC, Distillation, Sum
from polymodal_losses.distillation_config import DistillationConfig
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.sum_config import SumConfig

from .reference import Case, _dot, _has, random_case, unit


def reference(case: Case, teacher: Case) -> float:
    weights = case.pairs or dict.fromkeys(combinations(case.embeddings, 2), 1.0)
    total = 0.0
    for (a, b), weight in weights.items():
        rows = range(len(case.embeddings[a]))
        anchors = [p for p in rows if _has(case, a, p) and _has(case, b, p)]
        for source, target in ((a, b), (b, a)):
            others = [q for q in rows if _has(case, target, q)]
            for p in anchors:
                taught, own = (
                    _log_softmax(
                        [_dot(which, source, p, target, q) / case.temperature for q in others]
                    )
                    for which in (teacher, case)
                )
                divergence = math.fsum(
                    math.exp(t) * (t - s) for t, s in zip(taught, own, strict=True)
                )
                total += weight * divergence / (2 * len(anchors))
    return total


def _log_softmax(logits: list[float]) -> list[float]:
    top = max(logits)
    log_sum = top + math.log(math.fsum(math.exp(value - top) for value in logits))
    return [value - log_sum for value in logits]


def taught(case: Case, seed: int) -> Case:
    """The same rows by a teacher of another width, with rubbish where a value is missing."""
    batch = len(next(iter(case.embeddings.values())))
    vectors = {name: unit(batch, 9, seed=seed + i) for i, name in enumerate(case.embeddings)}
    return Case(vectors, case.present, None, case.pairs, case.temperature)


def test_equals_the_definition() -> None:
    for seed in range(30):
        case = random_case(seed)
        teacher = taught(case, 100 * seed)
        loss = Distillation("big", case.temperature, pairs=case.pairs)
        found = loss(
            case.embeddings,
            teachers={"big": teacher.embeddings},
            present=case.present,
            groups=case.groups,
        )
        assert found.total.item() == pytest.approx(reference(case, teacher), rel=1e-9, abs=1e-12)


def test_gradients_equal_finite_differences() -> None:
    for seed in (0, 3, 5):
        case = random_case(seed)
        case.temperature = max(case.temperature, 0.07)
        teacher = taught(case, 7)
        leaves = {name: z.clone().requires_grad_() for name, z in case.embeddings.items()}
        loss = Distillation("big", case.temperature, pairs=case.pairs)
        loss(leaves, teachers={"big": teacher.embeddings}, present=case.present).total.backward()
        for name, leaf in leaves.items():
            ends = []
            for sign in (1, -1):
                moved = case.embeddings[name].clone()
                moved[0, 0] += sign * 1e-5
                changed = {**case.embeddings, name: moved}
                ends.append(reference(Case(**{**case.__dict__, "embeddings": changed}), teacher))
            assert leaf.grad is not None
            difference = (ends[0] - ends[1]) / 2e-5
            assert leaf.grad[0, 0].item() == pytest.approx(difference, rel=1e-5, abs=1e-7)


def test_a_turned_space_of_the_teachers_is_as_good() -> None:
    z = {"a": unit(8, 5, seed=1), "b": unit(8, 5, seed=2)}
    turn, _ = torch.linalg.qr(unit(5, 5, seed=3))
    found = Distillation("big")(z, teachers={"big": {n: v @ turn for n, v in z.items()}})
    assert found.total.item() == pytest.approx(0.0, abs=1e-12)


def test_a_batch_without_a_pair_is_exactly_nothing() -> None:
    z = {"a": unit(6, 4, seed=1).requires_grad_(), "b": unit(6, 4, seed=2).requires_grad_()}
    first = torch.arange(6) < 3
    teachers = {"big": {n: torch.full((6, 3), float("nan")) for n in z}}
    found = Distillation("big")(z, teachers=teachers, present={"a": first, "b": ~first})
    found.total.backward()
    assert found.total.item() == 0.0
    assert all(not leaf.grad.any() for leaf in z.values() if leaf.grad is not None)
    assert int(found.anchors["a", "b"]) == 0


def test_columns_that_the_teacher_lacks() -> None:
    z = {name: unit(6, 4, seed=i) for i, name in enumerate(("image", "text", "depth"))}
    teachers = {"big": {"image": z["image"], "text": z["text"]}}
    assert list(Distillation("big")(z, teachers=teachers).parts) == [("image", "text")]
    with pytest.raises(ObjectiveError, match="teacher 'big' has no column depth; it has image"):
        Distillation("big", pairs={("image", "depth"): 1.0})(z, teachers=teachers)
    with pytest.raises(ObjectiveError, match=r"'small' are not given; given: .*big"):
        Distillation("small")(z, teachers=teachers)


def test_composes_with_the_contrastive_one() -> None:
    z = {"a": unit(8, 5, seed=1), "b": unit(8, 5, seed=2)}
    teachers = {"big": {"a": unit(8, 7, seed=3), "b": unit(8, 7, seed=4)}}
    both = Sum({"pcmc": (1.0, PCMC()), "distillation": (2.0, Distillation("big"))})
    wanted = PCMC()(z).total + 2 * Distillation("big")(z, teachers=teachers).total
    assert both(z, teachers=teachers).total.item() == pytest.approx(wanted.item())


def test_sections_name_their_teachers() -> None:
    section = {"kind": "distillation", "teacher": "runs/big", "temperature": 0.2}
    config = DistillationConfig.model_validate(section)
    assert config.teachers() == ("runs/big",)
    assert isinstance(config.build(), Distillation)
    check_config_class(Rules("distillation"), DistillationConfig)
    parts = [{"kind": "pcmc"}, {**section, "weight": 2.0}]
    assert SumConfig.model_validate({"parts": parts}).teachers() == ("runs/big",)
