"""Options of text, alone and in recipes with several columns of the kind."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from polymodal_core.batch import Batch
from polymodal_core.build_model import build_model
from polymodal_core.plugins import registry
from polymodal_core.recipe import load_recipe
from polymodal_core.run import fitted_modalities
from polymodal_text.config import TextConfig
from pydantic import ValidationError

from tests.text.captions import CAPTIONS


@pytest.mark.parametrize(
    "options", [{"vocabulary": 256}, {"length": 0}, {"word_dropout": 1.0}, {"lenght": 3}]
)
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        TextConfig.model_validate(options)


@pytest.mark.parametrize("options", [{"vocabulary": 5000}, {"lowercase": False}])
def test_options_of_a_learned_tokenizer_contradict_a_named_one(options: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match="leave them out, 'bert' has its own"):
        TextConfig.model_validate({"tokenizer": "bert", **options})


def test_a_resolved_config_with_a_named_tokenizer_is_accepted_again() -> None:
    config = TextConfig(tokenizer="bert")
    assert TextConfig.model_validate(config.model_dump(mode="json")) == config


def test_several_columns_of_text_and_a_shared_encoder() -> None:
    small = {"encoder": {"width": 16}, "vocabulary": 300}
    recipe = load_recipe(
        {
            "modalities": {
                "text": small,
                "caption_de": {"kind": "text", "length": 5, **small},
                "title": {"kind": "text", "share": "text"},
            }
        },
        registry=registry(),
        sections={},
    )
    states = {
        name: recipe.columns[name].modality.build().fit(texts)
        for name, texts in {
            "text": CAPTIONS,
            "caption_de": ["ein roter Stuhl", "rote Lampe"],
        }.items()
    }
    modalities = fitted_modalities(recipe, states)
    assert modalities["caption_de"].spec()["length"] == 5
    assert modalities["title"].spec() == modalities["text"].spec()

    model = build_model(recipe.columns, modalities, dim=8).eval()
    assert set(model.encoders) == {"text", "caption_de"}
    rng = np.random.default_rng(0)
    inputs = {
        name: modality.collate(
            [modality.transform("a red chair", training=False, shared=rng, own=rng)]
        )
        for name, modality in modalities.items()
    }
    one = torch.tensor([0])
    z = model(Batch(inputs, dict.fromkeys(inputs, one), one, one, one)).z
    features = [model.features(name, inputs[name]).pooled for name in ("text", "title")]
    assert torch.equal(*features)
    assert not torch.equal(z["text"], z["title"])  # each has a head of its own
