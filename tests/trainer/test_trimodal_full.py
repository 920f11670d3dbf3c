"""The recipe of the tri-modal paper's own size: what it says, and one step with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from polymodal_core.plugins import registry
from polymodal_datasets.pack import pack
from polymodal_trainer.batches import training_batches
from polymodal_trainer.catalogue import shipped
from polymodal_trainer.resolve import read_recipe
from polymodal_trainer.start import build
from polymodal_trainer.step import train_step

from tests.trainer.test_cmla import available_memory, save_bert_base

ENOUGH = 9 * 2**30
"""Bytes for weights, gradients, and both of Adam's moments, of 403 M parameters, and more."""


def save_rooms(folder: Path) -> Path:
    counts = {"train": 8, "validation": 2, "test": 0, "heldout": 0, "captions": 1}
    columns = ["image", "text", "depth"]
    importer = registry().importer("rooms").model_validate({**counts, "columns": columns})
    pack(importer.build(), folder, registry=registry(), workers=1)
    return folder


def test_it_is_the_papers() -> None:
    recipe = read_recipe(shipped()["trimodal_full"], (), registry=registry())
    table, training, data = recipe.table, recipe.sections["training"], recipe.sections["data"]
    assert (training.optimizer, training.lr_heads, training.lr_backbones) == ("adamw", 3e-5, 3e-5)
    assert (training.weight_decay, training.schedule, training.warmup) == (0.01, "cosine", 1000)
    assert (training.epochs, data.limit, data.modality_dropout) == (30, 20_000, 0.1)
    fusion = {"width": 768, "layers": 6, "shared_layers": 3, "heads": 12, "checkpointing": True}
    assert fusion.items() <= table["fusion"].items()
    image, text, depth = (table["modalities"][name] for name in ("image", "text", "depth"))
    assert (image["encoder"]["model"], image["size"]) == ("vit_base_patch16_224.mae", 224)
    assert (text["word_masking"], text["length"]) == (0.15, 512)
    assert depth["encoder"]["refinement"] > 0
    for key in ("size", "crop_scale", "flip", "resize"):
        assert image[key] == depth[key]


@pytest.mark.skipif(available_memory(ENOUGH) < ENOUGH, reason="takes 9 GB of memory")
def test_it_takes_a_step_with_random_weights(tmp_path: Path) -> None:
    settings = [
        f"data.store={save_rooms(tmp_path / 'rooms')}",
        "data.batch_size=2",
        "data.workers=0",
        "data.modality_dropout=0",
        "modalities.image.encoder.weights=random",
        "modalities.image.size=224",
        f"modalities.text.encoder.model={save_bert_base(tmp_path / 'bert')}",
        "modalities.text.encoder.weights=random",
        "modalities.depth.encoder.weights=random",
        "training.device=cpu",
        "training.precision=float32",
        "training.warmup=0",
    ]
    recipe = read_recipe(shipped()["trimodal_full"], settings, registry=registry())
    built = build(recipe, registry=registry(), source="trimodal_full")
    count = sum(parameter.numel() for parameter in built.model.parameters())
    assert count == pytest.approx(403e6, rel=0.005)  # as the recipe says
    changed = {
        "head": next(built.model.heads["text"].parameters()),
        "fusion": next(built.model.fusion.parameters()),  # type: ignore[union-attr]
        **{name: next(built.model.encoders[name].parameters()) for name in built.model.columns},
    }
    before = {name: parameter.detach().clone() for name, parameter in changed.items()}
    result = train_step(built, next(iter(training_batches(built, epoch=0))), 0)
    assert sum(result.anchors.values()) > 0
    assert set(result.auxiliary) == {"depth"}
    assert result.auxiliary["depth"] > 0
    assert 0 < result.gradient_norm < float("inf")
    same = [name for name, parameter in changed.items() if torch.equal(parameter, before[name])]
    assert not same
