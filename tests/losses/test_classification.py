"""The classification objective against loops over Python floats."""

from __future__ import annotations

import math

import pytest
import torch
from polymodal_core.errors import PolymodalError
from polymodal_core.objective import classifier_of, needs_joint, takes
from polymodal_core.testing import check_objective
from polymodal_losses.classification import Classification
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.transfer_config import ClassificationConfig
from pydantic import ValidationError
from torch import Tensor, nn

from tests.losses.reference import unit

COLUMNS = ["image", "text", "speech"]
BATCH, DIM, CLASSES = 9, 5, 4


def cross_entropy(layer: nn.Linear, z: Tensor, label: int, smoothing: float) -> float:
    weight, bias = layer.weight.double(), layer.bias.double()
    logits = [
        sum(math.sqrt(DIM) * float(weight[k, d]) * float(z[d]) for d in range(DIM)) + float(bias[k])
        for k in range(CLASSES)
    ]
    total = math.log(sum(math.exp(value) for value in logits))
    target = [smoothing / CLASSES + (1 - smoothing) * (k == label) for k in range(CLASSES)]
    return sum(share * (total - value) for share, value in zip(target, logits, strict=True))


def case(seed: int) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    z = {name: unit(BATCH, DIM, seed=10 * seed + k) for k, name in enumerate(COLUMNS)}
    present = {name: torch.rand(BATCH, generator=generator) < 0.6 for name in COLUMNS}
    if seed % 3 == 0:
        present["speech"][:] = False
    labels = torch.randint(-1, CLASSES, (BATCH,), generator=generator)
    joint = unit(BATCH, DIM, seed=77 + seed)
    joint[3] = joint[2]
    return z, present, labels, joint


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_total_parts_and_counts(seed: int, smoothing: float) -> None:
    z, present, labels, joint = case(seed)
    torch.manual_seed(seed)
    loss = Classification(
        COLUMNS,
        dim=DIM,
        classes=CLASSES,
        streams={"text": 0.5, "speech": 2.0},
        joint=1.5,
        smoothing=smoothing,
    )
    output = loss(z, present=present, labels=labels, joint=joint)
    weights = {"image": 1.0, "text": 0.5, "speech": 2.0, "joint": 1.5}
    total = 0.0
    for name, weight in weights.items():
        several = [sum(bool(present[c][row]) for c in COLUMNS) > 1 for row in range(BATCH)]
        held = several if name == "joint" else present[name].tolist()
        rows = [row for row in range(BATCH) if held[row] and labels[row] >= 0]
        vectors = joint if name == "joint" else z[name]
        layer = loss.whole if name == "joint" else loss.layers[COLUMNS.index(name)]
        assert isinstance(layer, nn.Linear)
        losses = [cross_entropy(layer, vectors[row], int(labels[row]), smoothing) for row in rows]
        mean = sum(losses) / len(losses) if losses else 0.0
        assert float(output.parts[name, "label"]) == pytest.approx(mean, abs=1e-10)
        assert int(output.anchors[name, "label"]) == len(rows)
        total += weight * mean
    assert float(output.total) == pytest.approx(total, abs=1e-10)
    assert int(output.unlabelled) == int((labels < 0).sum())


def test_gradients_are_those_of_finite_differences() -> None:
    z, present, labels, joint = case(1)
    loss = Classification(COLUMNS, dim=DIM, classes=CLASSES, smoothing=0.1).double()
    given = [vectors.requires_grad_() for vectors in (*z.values(), joint)]

    def total(*vectors: Tensor) -> Tensor:
        columns = dict(zip(COLUMNS, vectors, strict=False))
        found: Tensor = loss(columns, present=present, labels=labels, joint=vectors[-1]).total
        return found

    assert torch.autograd.gradcheck(total, given)


def test_nothing_labelled_is_zero_with_zero_gradients() -> None:
    z, present, _, joint = case(2)
    loss = Classification(COLUMNS, dim=DIM, classes=CLASSES)
    z["image"].requires_grad_()
    output = loss(z, present=present, labels=torch.full((BATCH,), -1), joint=joint)
    output.total.backward()
    assert output.total == 0
    assert not z["image"].grad.any()  # type: ignore[union-attr]
    assert int(output.unlabelled) == BATCH


def test_a_row_of_one_column_is_classified_by_its_own_layer() -> None:
    loss = Classification(["image", "text"], dim=DIM, classes=CLASSES, streams={"text": 0.0})
    z = unit(3, DIM, dtype=torch.float32)
    own = loss.logits(["image"], z)
    both = loss.logits(["image", "text"], z)
    assert torch.equal(own, loss.layers[0](math.sqrt(DIM) * z))
    assert not torch.equal(own, both)
    assert torch.equal(loss.logits(["text"], z), both)  # text has no layer of its own
    alone = Classification(["image"], dim=DIM, classes=CLASSES, streams={"image": 0.0})
    assert alone.whole is None
    assert alone.logits(["image"], z).shape == (3, CLASSES)


def test_it_is_found_within_other_modules() -> None:
    loss = Classification(["image"], dim=DIM, classes=CLASSES)
    assert classifier_of(nn.Sequential(nn.ReLU(), loss)) is loss
    assert needs_joint(nn.Sequential(loss))
    assert takes(loss, "labels")
    assert classifier_of(nn.ReLU()) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"streams": {"txt": 1.0}}, "names 'txt', which is no column"),
        ({"joint": 0.0}, "joint = 0 leaves whole rows"),
        ({"streams": {"text": -1.0}}, "the weight of 'text' is -1"),
        ({"classes": 1}, "name 1 class; classification needs at least two"),
    ],
)
def test_bad_options_are_told(options: dict[str, object], message: str) -> None:
    with pytest.raises(ObjectiveError, match=message):
        Classification(["image", "text"], **{"dim": DIM, "classes": 3, **options})  # type: ignore[arg-type]


def test_bad_labels_are_told() -> None:
    loss = Classification(["image"], dim=DIM, classes=CLASSES)
    z = {"image": unit(3, DIM)}
    with pytest.raises(ObjectiveError, match="labels is None"):
        loss(z)
    with pytest.raises(ObjectiveError, match="labels holds 4; there are 4 classes"):
        loss(z, labels=torch.tensor([0, 1, 4]))
    with pytest.raises(ObjectiveError, match="wanted integers"):
        loss(z, labels=torch.zeros(3))
    with pytest.raises(PolymodalError, match="labels"):
        loss(z, labels=torch.tensor([0, 1]))
    with pytest.raises(ObjectiveError, match="a column is called 'joint'"):
        Classification(["joint", "text"], dim=2, classes=2)


def test_pairs_are_refused() -> None:
    with pytest.raises(ValidationError, match="compares no columns; leave pairs out"):
        ClassificationConfig.model_validate({"pairs": [["image", "text"]]})
    assert ClassificationConfig.model_validate({"pairs": []}).weights() == {}


def test_contract() -> None:
    check_objective(ClassificationConfig(), columns=["image", "text"])
    assert ClassificationConfig().terms(["a", "b"]) == [
        ("a", "label"), ("b", "label"), ("joint", "label"),
    ]  # fmt: skip
    assert ClassificationConfig(streams={"a": 0.0}).terms(["a"]) == [("a", "label")]
