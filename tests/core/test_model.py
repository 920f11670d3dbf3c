"""The model: absent values, frozen and shared encoders, names of columns."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from polymodal_core.batch import Batch, Features
from polymodal_core.build_model import build_model
from polymodal_core.columns import ColumnConfig
from polymodal_core.model import Model, PooledEncoder
from polymodal_core.recipe import load_recipe
from torch import Tensor, nn

from tests.core.toys import NumberModality, toy_registry

SIZE, DIM = 5, 3


def columns_of(modalities: dict[str, Any]) -> dict[str, ColumnConfig]:
    recipe = load_recipe({"modalities": modalities}, registry=toy_registry(), sections={})
    return dict(recipe.columns)


def build(modalities: dict[str, Any]) -> Model:
    torch.manual_seed(0)
    columns = columns_of(modalities)
    return build_model(columns, {name: NumberModality(0.0, 0.0) for name in columns}, dim=DIM)


def batch(rows: dict[str, list[int]], *, size: int = SIZE, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    unknown = torch.full((size,), -1)
    inputs = {name: torch.randn(len(found), 1, generator=generator) for name, found in rows.items()}
    places = {name: torch.tensor(found) for name, found in rows.items()}
    return Batch(inputs, places, unknown, unknown, torch.arange(size))


HEIGHT: dict[str, Any] = {"kind": "number"}


def test_values_land_in_their_rows_as_unit_vectors_and_absent_rows_are_zero() -> None:
    model = build({"number": {}, "height": HEIGHT}).eval()
    given = batch({"number": [3, 0], "height": [0, 1, 2, 3, 4]})
    out = model(given)
    assert out.present["number"].tolist() == [True, False, False, True, False]
    assert out.present["height"].all()
    assert (out.z["number"][[1, 2, 4]] == 0).all()
    torch.testing.assert_close(out.z["number"][[0, 3]].norm(dim=1), torch.ones(2))
    expected = model.embed("number", given.inputs["number"])
    assert torch.equal(out.z["number"][[3, 0]], expected)


def test_absent_rows_get_no_gradient() -> None:
    model = build({"number": {}})
    out = model(batch({"number": [0, 2]}))
    out.z["number"][[1, 3, 4]].sum().backward()
    assert all(
        parameter.grad is None or (parameter.grad == 0).all() for parameter in model.parameters()
    )


def test_a_batch_may_lack_a_column_altogether() -> None:
    model = build({"number": {}, "height": HEIGHT})
    out = model(batch({"number": [0, 1, 2]}))
    assert out.z["height"].shape == (SIZE, DIM)
    assert not out.z["height"].any()
    assert not out.present["height"].any()
    sum(z.sum() for z in out.z.values()).backward()
    reached = {name for name, item in model.named_parameters() if item.grad is not None}
    assert reached
    assert not any("height" in name for name in reached)


def test_a_frozen_encoder_stays_in_eval_mode_and_keeps_its_bits() -> None:
    model = build({"number": {"encoder": {"tuning": "frozen"}}, "height": HEIGHT})
    given = batch({"number": [0, 1, 2, 3], "height": [0, 1, 2, 3]})
    before = {
        name: tensor.clone() for name, tensor in model.encoders["number"].state_dict().items()
    }
    heads = {name: tensor.clone() for name, tensor in model.heads.state_dict().items()}
    evaluated = model.eval().features("number", given.inputs["number"]).pooled
    model.train()
    assert model.training
    assert model.encoders["height"].training
    assert not any(module.training for module in model.encoders["number"].modules())
    groups = model.parameter_groups()
    for _ in range(3):
        z = model(given).z
        (z["number"] * z["height"]).sum().backward()
        with torch.no_grad():
            for item in [*groups["heads"], *groups["backbones"]]:
                assert item.grad is not None
                item.sub_(0.1 * item.grad)
    assert torch.equal(model.features("number", given.inputs["number"]).pooled, evaluated)
    for name, tensor in model.encoders["number"].state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert any(
        not torch.equal(tensor, heads[name]) for name, tensor in model.heads.state_dict().items()
    )
    frozen = {id(item) for item in model.encoders["number"].parameters()}
    assert not frozen & {id(item) for item in groups["backbones"]}
    assert len(groups["backbones"]) == len(list(model.encoders["height"].parameters()))


def test_features_of_a_frozen_encoder_carry_no_graph() -> None:
    model = build({"number": {"encoder": {"tuning": "frozen"}}}).train()
    assert not model.features("number", torch.randn(4, 1)).pooled.requires_grad
    assert model.embed("number", torch.randn(4, 1)).requires_grad


def test_features_computed_before_pass_the_encoder() -> None:
    model = build({"number": {}}).eval()
    given = batch({"number": [0, 1]})
    features = model.features("number", given.inputs["number"])
    cached = Batch({"number": features}, given.rows, given.instance, given.label, given.index)
    assert torch.equal(model(cached).z["number"], model(given).z["number"])


def test_a_shared_encoder_is_one_module_with_two_heads() -> None:
    model = build({"height": HEIGHT, "width": {"share": "height"}})
    assert list(model.encoders) == ["height"]
    assert sorted(model.heads) == ["height", "width"]
    out = model(batch({"height": [0, 1], "width": [2, 3]}))
    out.z["width"].sum().backward()
    assert all(item.grad is not None for item in model.encoders["height"].parameters())
    assert all(item.grad is None for item in model.heads["height"].parameters())


def test_a_shared_frozen_encoder_is_frozen_for_both() -> None:
    frozen = {"kind": "number", "encoder": {"tuning": "frozen"}}
    model = build({"height": frozen, "width": {"share": "height"}}).train()
    assert not model.features("width", torch.randn(4, 1)).pooled.requires_grad


@pytest.mark.parametrize(
    "name",
    [
        "type",
        "values",
        "keys",
        "items",
        "training",
        "forward",
        "double",
        "call_super_init",
        "number",
    ],
)
def test_a_column_may_be_called_what_a_module_calls_its_own(name: str) -> None:
    model = build({name: HEIGHT, "other": HEIGHT}).eval()
    assert model.columns == [name, "other"]
    given = batch({name: [0, 1], "other": [1]})
    assert set(model(given).z) == {name, "other"}
    copy = build({name: HEIGHT, "other": HEIGHT}).eval()
    copy.load_state_dict(model.state_dict())
    assert torch.equal(copy(given).z[name], model(given).z[name])


def test_embeddings_are_float32_under_autocast() -> None:
    model = build({"number": {}}).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(batch({"number": [0, 1, 2]}))
    assert out.z["number"].dtype == torch.float32
    torch.testing.assert_close(out.z["number"][:3].norm(dim=1), torch.ones(3))


def test_pooled_encoder_makes_an_encoder_of_any_module() -> None:
    encoder = PooledEncoder(nn.Linear(2, 4), feature_dim=4)
    features = encoder(torch.randn(3, 2))
    assert isinstance(features, Features)
    assert features.pooled.shape == (3, 4)
    assert features.tokens is None
    assert encoder.feature_dim == 4


def test_rows_out_of_order_get_their_gradients() -> None:
    model = build({"number": {}}).double().eval()
    inputs = torch.randn(2, 1, dtype=torch.float64, requires_grad=True)
    unknown = torch.full((3,), -1)
    given = Batch({"number": inputs}, {"number": torch.tensor([2, 0])}, unknown, unknown, unknown)
    weights = torch.randn(3, DIM, dtype=torch.float64)
    (model(given).z["number"] * weights).sum().backward()
    found: Tensor | None = inputs.grad
    inputs.grad = None
    (model.embed("number", inputs) * weights[[2, 0]]).sum().backward()
    torch.testing.assert_close(found, inputs.grad)


class Mixture(nn.Module):
    """Several layers' features, mixed by weights that are learned whatever is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_dim = 4
        self.backbone = Layers()
        self.weights = nn.Parameter(torch.tensor([0.2, 0.8]))
        self.dropout = nn.Dropout(0.5)

    def forward(self, inputs: Tensor) -> Features:
        return self.finish(self.backbone(inputs))

    def finish(self, features: Features) -> Features:
        return Features(self.dropout(torch.einsum("l,pld->pd", self.weights, features.pooled)))


class Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(1, 4), nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))

    def forward(self, inputs: Tensor) -> Features:
        first = self.first(inputs)
        return Features(torch.stack([first, self.second(first)], dim=1))


def mixture(*, frozen: bool) -> Model:
    torch.manual_seed(0)
    return Model(
        {"number": Mixture()},
        {"number": nn.Linear(4, DIM)},
        dim=DIM,
        frozen=frozenset({"number"} if frozen else ()),
    )


def test_behind_a_frozen_backbone_an_encoder_goes_on_learning() -> None:
    model = mixture(frozen=True).train()
    encoder: Any = model.encoders["number"]
    assert encoder.dropout.training
    assert not any(module.training for module in encoder.backbone.modules())
    model.embed("number", torch.randn(6, 1)).square().sum().backward()
    assert encoder.weights.grad.abs().sum() > 0
    assert all(item.grad is None for item in encoder.backbone.parameters())


def test_what_lies_behind_a_backbone_is_tuned_as_a_head() -> None:
    for frozen in (True, False):
        model = mixture(frozen=frozen)
        encoder: Any = model.encoders["number"]
        groups = {
            name: {id(item) for item in items} for name, items in model.parameter_groups().items()
        }
        inside = {id(item) for item in encoder.backbone.parameters()}
        assert groups["backbones"] == (set() if frozen else inside)
        assert groups["heads"] == {
            id(item) for item in (encoder.weights, *model.heads.parameters())
        }


def test_kept_features_of_a_frozen_backbone_stand_for_its_inputs() -> None:
    model = mixture(frozen=True).train()
    inputs = torch.randn(6, 1)
    kept = model.frozen_features("number", inputs)
    assert kept.pooled.shape == (6, 2, 4)
    assert not kept.pooled.requires_grad
    torch.manual_seed(1)
    live = model.embed("number", inputs)
    torch.manual_seed(1)
    again = model.embed("number", kept)
    assert torch.equal(again, live)
    again.square().sum().backward()
    assert model.encoders["number"].weights.grad is not None
    whole = build({"number": {"encoder": {"tuning": "frozen"}}}).train()
    assert torch.equal(
        whole.frozen_features("number", inputs).pooled, whole.features("number", inputs).pooled
    )


class Regularised(nn.Module):
    """An encoder with a loss of its own in training."""

    feature_dim = 4

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 4)

    def forward(self, inputs: Tensor) -> Features:
        found = self.layer(inputs)
        return Features(found, auxiliary=found.square().mean() if self.training else None)


def test_losses_of_encoders_own_come_with_the_embeddings() -> None:
    heads = {name: nn.Linear(4, DIM) for name in ("number", "height")}
    own = Regularised()
    encoders = {"number": own, "height": PooledEncoder(nn.Linear(1, 4), feature_dim=4)}
    model = Model(encoders, heads, dim=DIM).train()
    given = batch({"number": [0, 1], "height": [2]})
    found = model(given)
    assert set(found.auxiliary) == {"number"}
    wanted = own.layer(given.inputs["number"]).square().mean()
    assert torch.equal(found.auxiliary["number"], wanted)
    assert model(batch({"height": [2]})).auxiliary == {}
    assert model.eval()(given).auxiliary == {}


def test_whole_rows_are_embedded_beside_columns_seen_alone() -> None:
    model = build({"number": {}, "height": HEIGHT}).eval()
    given = batch({"number": [0, 2], "height": [0, 1]})
    out = model(given, joint=True)
    assert model(given).joint is None
    assert out.joint is not None
    both = torch.nn.functional.normalize(out.z["number"][0] + out.z["height"][0], dim=0)
    torch.testing.assert_close(out.joint[0], both)
    torch.testing.assert_close(out.joint[1], out.z["height"][1])
    torch.testing.assert_close(out.joint[2], out.z["number"][2])
    assert (out.joint[3:] == 0).all()
    nothing = model(batch({}), joint=True)
    assert nothing.joint is not None
    assert not nothing.joint.any()


def test_what_is_held_learns_nothing_until_it_is_let_go() -> None:
    shared = {"number": {}, "other": {"share": "number"}, "height": HEIGHT}
    model = build(shared).train()
    model.hold(["other"])
    assert not any(item.requires_grad for item in model.heads["other"].parameters())
    assert all(item.requires_grad for item in model.encoders["number"].parameters())
    assert model.encoders["number"].training
    model.hold(["other", "number"])
    assert not any(item.requires_grad for item in model.encoders["number"].parameters())
    assert not model.encoders["number"].training
    assert model.train().encoders["height"].training
    assert not model.encoders["number"].training
    before = {name: item.clone() for name, item in model.encoders["number"].state_dict().items()}
    out = model(batch({"number": [0, 1], "height": [0, 1]}))
    torch.stack([z.sum() for z in out.z.values()]).sum().backward()
    assert all(item.grad is None for item in model.encoders["number"].parameters())
    after = model.encoders["number"].state_dict()
    assert all(torch.equal(item, after[name]) for name, item in before.items())
    model.hold()
    assert all(item.requires_grad for item in model.parameters())
    assert model.encoders["number"].training


def test_frozen_encoders_stay_frozen_when_let_go() -> None:
    model = build({"number": {"encoder": {"tuning": "frozen"}}, "height": HEIGHT})
    model.hold(["number", "height"])
    model.hold()
    assert not any(item.requires_grad for item in model.encoders["number"].parameters())
    assert all(item.requires_grad for item in model.encoders["height"].parameters())
