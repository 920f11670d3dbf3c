"""Low-rank adapters: what gets one, what it computes, what is trained."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
import torch
from polymodal_core.batch import Features
from polymodal_core.build_model import build_model
from polymodal_core.columns import ColumnConfig
from polymodal_core.config import LoRAConfig
from polymodal_core.errors import PolymodalError, RecipeError
from polymodal_core.lora import add_adapters, target_layers
from polymodal_core.model import Model
from polymodal_core.recipe import load_recipe
from polymodal_core.run import portable_encoders
from torch import Tensor, nn

from tests.core.toys import LinearConfig, NumberModality, toy_registry

DIM = 3


def recipe_of(modalities: dict[str, Any]) -> Any:
    return load_recipe({"modalities": modalities}, registry=toy_registry(), sections={})


def build(modalities: dict[str, Any]) -> Model:
    torch.manual_seed(0)
    columns: dict[str, ColumnConfig] = dict(recipe_of(modalities).columns)
    return build_model(columns, {name: NumberModality(0.0, 0.0) for name in columns}, dim=DIM)


def lora(**options: Any) -> dict[str, Any]:
    return {"encoder": {"tuning": "lora", "lora": {"rank": 2, **options}}}


def descend(model: Model, inputs: Tensor, steps: int = 3) -> None:
    """Some steps of gradient descent that every parameter takes part in."""
    groups = model.parameter_groups()
    for step in range(steps):
        torch.manual_seed(step)
        (model.embed("number", inputs) * torch.arange(1.0, DIM + 1)).sum().backward()
        with torch.no_grad():
            for item in [*groups["heads"], *groups["backbones"]]:
                if item.grad is not None:
                    item.sub_(item.grad)
        model.zero_grad()


class Attention(nn.Module):
    """The layers of a transformer's block, by the names that they have there."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.ModuleDict({"qkv": nn.Linear(4, 12), "proj": nn.Linear(4, 4)})
        self.attn_norm = nn.LayerNorm(4)
        self.mlp = nn.Linear(4, 4)


class Convolutions(nn.Module):
    """A network without attention, depthwise convolutions in it."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(4, 4, 3, groups=4)
        self.pointwise = nn.Conv2d(4, 8, 1)
        self.dense = nn.Conv1d(8, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.out = nn.Linear(8, 4)


def test_linear_layers_of_attention_are_chosen_where_there_is_any() -> None:
    blocks = nn.Sequential(Attention(), Attention())
    assert target_layers(blocks, None) == ["0.attn.qkv", "0.attn.proj", "1.attn.qkv", "1.attn.proj"]


def test_else_all_layers_but_depthwise_convolutions() -> None:
    assert target_layers(Convolutions(), None) == ["pointwise", "dense", "out"]


def test_torchs_own_attention_is_left_out() -> None:
    # It hands the weights of its output layer to a function, past the layer.
    layer = nn.TransformerEncoderLayer(4, 2, 8)
    assert target_layers(layer, None) == ["linear1", "linear2"]


def test_targets_are_names_or_their_ends() -> None:
    blocks = nn.Sequential(Attention(), Attention())
    assert target_layers(blocks, ("qkv", "1.mlp")) == ["0.attn.qkv", "1.attn.qkv", "1.mlp"]
    with pytest.raises(PolymodalError) as caught:
        target_layers(blocks, ("qkv", "kv", "attn_norm"), column="text")
    assert str(caught.value) == (
        "modalities.text.encoder.lora.targets: no linear layer or convolution is named 'kv' or "
        "'attn_norm'; there are attn.qkv, attn.proj, mlp. Give names or their ends, or leave "
        "targets out"
    )


def test_a_module_without_such_layers_is_refused() -> None:
    with pytest.raises(PolymodalError, match="Sequential has neither linear layers nor conv"):
        add_adapters(nn.Sequential(nn.ReLU()), LoRAConfig(), column="text")


def test_an_adapter_adds_its_product_of_low_rank() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 7), nn.Conv1d(3, 4, 1)).double()
    reference = [(layer.weight.clone(), layer.bias.clone()) for layer in module]  # type: ignore
    add_adapters(module, LoRAConfig(rank=2, alpha=6), column="text")
    one: Any = module[0]
    x = torch.randn(3, 5, dtype=torch.float64)
    weight, bias = reference[0]
    torch.testing.assert_close(one(x), x @ weight.T + bias, atol=1e-12, rtol=0)
    a, b = one.lora_A["default"].weight, one.lora_B["default"].weight
    assert (a.shape, b.shape) == ((2, 5), (7, 2))
    nn.init.normal_(b)
    expected = torch.zeros(3, 7, dtype=torch.float64)
    for row in range(3):
        for out in range(7):
            total = bias[out].item()
            for i in range(5):
                low = sum(b[out, r].item() * a[r, i].item() for r in range(2))
                total += (weight[out, i].item() + 6 / 2 * low) * x[row, i].item()
            expected[row, out] = total
    torch.testing.assert_close(one(x), expected, atol=1e-6, rtol=0)  # peft keeps A and B in float32


def test_training_starts_from_what_the_encoder_gave() -> None:
    plain, adapted = build({"number": {}}).eval(), build({"number": lora()}).eval()
    # The adapters take random numbers of their own: bring the same weights into both.
    own = {
        name.replace(".base_layer", ""): tensor
        for name, tensor in adapted.state_dict().items()
        if ".lora_" not in name
    }
    plain.load_state_dict(own)
    x = torch.randn(6, 1)
    assert torch.equal(plain.embed("number", x), adapted.embed("number", x))


def test_adapters_learn_and_everything_else_of_the_encoder_stays() -> None:
    model = build({"number": lora()}).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    descend(model, torch.randn(6, 1))
    for name, tensor in model.state_dict().items():
        stays = name.startswith("encoders.") and ".lora_" not in name
        assert torch.equal(tensor, before[name]) == stays, name  # BatchNorm's statistics too


def test_adapters_are_of_the_heads_group() -> None:
    model = build({"number": lora(), "height": {"kind": "number"}})
    groups = model.parameter_groups()
    names = {id(item): name for name, item in model.named_parameters()}
    assert {names[id(item)].split(".")[1] for item in groups["backbones"]} == {"height"}
    heads = {names[id(item)] for item in groups["heads"]}
    assert sum(".lora_" in name for name in heads) == 4
    assert not any(name.startswith("encoders.") and ".lora_" not in name for name in heads)


def test_dropout_is_of_the_adapters_alone() -> None:
    model = build({"number": lora(dropout=0.5)}).train()
    training = {name for name, item in model.encoders.named_modules() if item.training}
    assert training
    assert all(".lora_" in f".{name}" for name in training - {""})
    assert "number.layers.0.lora_dropout.default" in training
    assert not any(item.training for item in model.eval().encoders.modules())


def test_columns_that_share_an_encoder_share_its_adapters() -> None:
    model = build({"number": lora(), "width": {"share": "number"}}).train()
    assert list(model.adapted_encoders()) == ["number"]
    descend(model, torch.randn(6, 1))
    x = torch.randn(2, 1)
    features = [model.eval().features(name, x).pooled for name in ("number", "width")]
    assert torch.equal(*features)


class Split(nn.Module):
    """An encoder that trains an average behind its backbone."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_dim = 4
        self.backbone = nn.Sequential(nn.Linear(1, 4), nn.ReLU())
        self.behind = nn.Linear(4, 4)

    def forward(self, inputs: Tensor) -> Features:
        return self.finish(Features(self.backbone(inputs)))

    def finish(self, features: Features) -> Features:
        return Features(self.behind(features.pooled))


def test_of_an_encoder_with_a_backbone_that_alone_is_adapted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LinearConfig, "build", lambda *_, **__: Split())
    model = build({"number": lora()}).train()
    trained = {name for name, item in model.encoders.named_parameters() if item.requires_grad}
    assert trained == {
        "number.backbone.0.lora_A.default.weight",
        "number.backbone.0.lora_B.default.weight",
        "number.behind.weight",
        "number.behind.bias",
    }


def test_a_recipe_says_what_its_adapters_are() -> None:
    recipe = recipe_of({"number": {"encoder": {"tuning": "lora"}}})
    table = recipe.table["modalities"]["number"]["encoder"]
    assert table["lora"] == {"rank": 8, "alpha": 16, "dropout": 0.0}
    assert recipe_of({"number": {"encoder": dict(table)}}).table == recipe.table
    kept = json.loads(json.dumps(portable_encoders(recipe)))
    assert kept["number"]["lora"]["rank"] == 8
    assert "lora" not in portable_encoders(recipe_of({"number": {}}))["number"]


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ({"lora": {"rank": 4}}, 'lora belongs to tuning = "lora"; given tuning = "full"'),
        ({"tuning": "lora", "lora": {"rank": 0}}, "encoder.lora.rank: "),
        ({"tuning": "lora", "lora": {"rang": 4}}, "unknown key; did you mean 'rank'"),
        ({"tuning": "lora", "lora": {"targets": []}}, "encoder.lora.targets: "),
        ({"tuning": "Lora"}, "'full', 'frozen' or 'lora'"),
    ],
)
def test_impossible_options_are_refused(encoder: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_of({"number": {"encoder": encoder}})
    assert message in str(caught.value)


def test_without_peft_the_command_to_install_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(
        PolymodalError,
        match=r"modalities\.number\.encoder: .*needs peft.*`python -m pip install peft`",
    ):
        build({"number": lora()})
