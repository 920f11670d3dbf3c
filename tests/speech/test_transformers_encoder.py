"""Speech models of Hugging Face as encoders: built, frozen, cached, kept without their files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from polymodal_core.batch import Batch, Features
from polymodal_core.build_model import build_model
from polymodal_core.errors import PolymodalError
from polymodal_core.model import Model
from polymodal_core.plugins import registry
from polymodal_core.recipe import load_recipe
from polymodal_core.run import fitted_modalities, portable_encoders
from polymodal_speech.encoder_config import TransformersConfig

from tests.speech.models import save_model, save_whisper
from tests.speech.sounds import RATE, inputs_of, voice

SPEC = {"rate": RATE, "length": RATE}


@pytest.fixture(scope="module")
def hubert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_model(tmp_path_factory.mktemp("hubert"), "hubert-base")


def inputs() -> dict[str, Any]:
    return inputs_of([voice(0.3), voice(0.2, seed=1), voice(0.25, seed=2)])


def model_of(path: str) -> Model:
    table = {
        "modalities": {
            "speech": {
                "max_seconds": 1.0,
                "encoder": {"kind": "transformers", "model": path, "tuning": "frozen"},
            }
        }
    }
    recipe = load_recipe(table, registry=registry(), sections={})
    torch.manual_seed(0)
    return build_model(recipe.columns, fitted_modalities(recipe, {"speech": {}}), dim=8)


def batch(given: Any) -> Batch:
    unknown = torch.full((3,), -1)
    return Batch({"speech": given}, {"speech": torch.arange(3)}, unknown, unknown, unknown)


def test_the_weights_of_layers_are_trained_though_the_backbone_is_frozen(hubert: str) -> None:
    model = model_of(hubert).train()
    encoder: Any = model.encoders["speech"]
    before = {name: tensor.clone() for name, tensor in encoder.backbone.state_dict().items()}
    groups = model.parameter_groups()
    assert not groups["backbones"]
    optimiser = torch.optim.Adam(groups["heads"], lr=0.1)
    target = torch.nn.functional.normalize(torch.randn(3, 8), dim=1)
    for _ in range(5):
        optimiser.zero_grad()
        (model(batch(inputs())).z["speech"] - target).square().sum().backward()
        optimiser.step()
    assert encoder.layer_weights.logits.detach().abs().max() > 0.1
    for name, tensor in encoder.backbone.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_kept_features_are_those_of_the_recordings(hubert: str) -> None:
    model = model_of(hubert).eval()
    encoder: Any = model.encoders["speech"]
    with torch.no_grad():
        encoder.layer_weights.logits.copy_(torch.tensor([0.0, 2.0, -1.0, 0.5]))
    kept = Features(model.frozen_features("speech", inputs()).pooled)
    assert kept.pooled.shape == (3, 4, 16)
    torch.testing.assert_close(
        model(batch(kept)).z["speech"], model(batch(inputs())).z["speech"], atol=1e-6, rtol=0
    )


def test_training_mode_has_no_chance_but_dropout(hubert: str) -> None:
    encoder: Any = TransformersConfig(model=hubert).build(**SPEC)
    config = encoder.backbone.model.config
    assert (config.layerdrop, config.mask_time_prob, config.apply_spec_augment) == (0, 0, False)
    encoder.train()
    torch.manual_seed(1)
    first = encoder(inputs()).pooled
    assert first.shape == (3, 16)
    torch.manual_seed(1)
    assert torch.equal(encoder(inputs()).pooled, first)


def test_random_weights_are_of_the_same_architecture(hubert: str) -> None:
    pretrained: Any = TransformersConfig(model=hubert).build(**SPEC)
    random: Any = TransformersConfig(model=hubert, weights="random").build(**SPEC)
    shapes = {name: tensor.shape for name, tensor in pretrained.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in random.state_dict().items()}
    name = "backbone.model.encoder.layers.0.attention.q_proj.weight"
    assert not torch.equal(pretrained.state_dict()[name], random.state_dict()[name])


def test_half_precision_files_are_read_as_float32(hubert: str, tmp_path: Path) -> None:
    from transformers import AutoModel

    AutoModel.from_pretrained(hubert).half().save_pretrained(str(tmp_path))
    encoder: Any = TransformersConfig(model=str(tmp_path)).build(**SPEC)
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}


@pytest.mark.parametrize("kind", ["hubert-base", "wav2vec2-large", "whisper"])
def test_a_checkpoint_needs_no_file_of_the_model(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "model"
    path = save_whisper(folder) if kind == "whisper" else save_model(folder, kind, normalise=False)
    config = TransformersConfig(model=path)
    encoder: Any = config.build(**SPEC)
    kept = json.loads(json.dumps(config.portable().model_dump(mode="json", exclude_none=True)))
    shutil.rmtree(folder)
    rebuilt = TransformersConfig.model_validate(kept)
    assert rebuilt.portable() == rebuilt
    again: Any = rebuilt.build(**SPEC)
    again.load_state_dict(encoder.state_dict())
    with torch.no_grad():
        found = again.eval()(inputs()).pooled
        torch.testing.assert_close(found, encoder.eval()(inputs()).pooled, atol=0, rtol=0)


def test_a_recipe_keeps_its_portable_encoder(hubert: str) -> None:
    table = {"modalities": {"speech": {"encoder": {"kind": "transformers", "model": hubert}}}}
    recipe = load_recipe(table, registry=registry(), sections={})
    kept = portable_encoders(recipe)["speech"]
    assert kept["weights"] == "random"
    assert kept["architecture"]["config"]["model_type"] == "hubert"
    assert kept["architecture"]["normalise"] is True


def test_the_sample_rate_comes_with_the_model(hubert: str) -> None:
    table: dict[str, Any] = {
        "modalities": {"speech": {"encoder": {"kind": "transformers", "model": hubert}}}
    }
    recipe = load_recipe(table, registry=registry(), sections={})
    assert recipe.table["modalities"]["speech"]["rate"] == 16_000
    table["modalities"]["speech"]["rate"] = 8000
    with pytest.raises(PolymodalError, match="8000 contradicts the encoder's pretrained weights"):
        load_recipe(table, registry=registry(), sections={})
    with pytest.raises(PolymodalError, match="hears 16000 Hz; the modality's rate is 8000"):
        TransformersConfig(model=hubert).build(rate=8000, length=8000)


def test_what_hears_no_speech_is_refused(tmp_path: Path) -> None:
    from transformers import BertConfig

    BertConfig(
        hidden_size=8, num_attention_heads=2, num_hidden_layers=1, intermediate_size=8
    ).save_pretrained(str(tmp_path))
    config = TransformersConfig(model=str(tmp_path), weights="random")
    with pytest.raises(PolymodalError, match=r"\(bert\) is no speech encoder known here; wanted"):
        config.build(**SPEC)


@pytest.mark.parametrize("kind", ["hubert-base", "wav2vec2-large", "whisper"])
def test_adapters_lie_in_the_backbone_and_layer_weights_learn_beside_them(
    tmp_path: Path, kind: str
) -> None:
    path = save_whisper(tmp_path) if kind == "whisper" else save_model(tmp_path, kind)
    encoder = {"kind": "transformers", "model": path, "tuning": "lora", "lora": {"rank": 2}}
    table = {"modalities": {"speech": {"max_seconds": 1.0, "encoder": encoder}}}
    recipe = load_recipe(table, registry=registry(), sections={})
    model = build_model(recipe.columns, fitted_modalities(recipe, {"speech": {}}), dim=4).train()
    with torch.no_grad():
        for name, item in model.named_parameters():
            if "lora_B" in name:
                item.normal_()
    model.embed("speech", inputs())[:, 0].sum().backward()
    trained = {name: item for name, item in model.encoders.named_parameters() if item.requires_grad}
    layers = 2 if kind == "whisper" else 3
    assert trained.keys() - {"speech.layer_weights.logits"} == {
        name for name in trained if name.startswith("speech.backbone.") and ".lora_" in name
    }
    assert len(trained) == 1 + layers * 4 * 2
    assert all(item.grad is not None for item in trained.values())
    model.zero_grad()
    before = model.eval().features("speech", inputs()).pooled
    assert torch.equal(before, model.train().features("speech", inputs()).pooled)
