"""The recipes of CMLA: what they share, and the full size with random weights, for one step."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from polymodal_core.config import ImporterConfig
from polymodal_core.plugins import registry
from polymodal_core.recipe import read_toml
from polymodal_datasets.pack import pack
from polymodal_trainer.batches import training_batches
from polymodal_trainer.catalogue import shipped, shipped_studies
from polymodal_trainer.resolve import read_recipe, resolve
from polymodal_trainer.start import build
from polymodal_trainer.step import train_step
from polymodal_trainer.study.source import read_study

WORDS = "a room with large small red orange yellow green blue purple pink white cube ball walls"
ENOUGH = 6 * 2**30
"""Bytes for weights, gradients, and both of Adam's moments, of 220 M parameters."""


def save_bert_base(folder: Path) -> str:
    """Save the architecture of BERT-base, and a tokenizer of a few words; no weights."""
    from transformers import BertConfig, BertTokenizer

    folder.mkdir()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (folder / "vocab.txt").write_text("\n".join([*special, *WORDS.split()]))
    BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(str(folder))
    BertConfig().save_pretrained(str(folder))
    return str(folder)


def save_rooms(folder: Path) -> Path:
    options = {
        "columns": ["image", "text"],
        "captions": 1,
        "train": 8,
        "validation": 2,
        "test": 0,
        "heldout": 0,
    }
    importer = registry().find("importer", "rooms", ImporterConfig).model_validate(options)
    pack(importer.build(), folder, registry=registry(), workers=1)
    return folder


def test_comparisons_differ_from_cmla_in_what_they_compare_alone() -> None:
    tables = {
        name: read_recipe(shipped()[name], (), registry=registry()).table
        for name in ("cmla", "cmla_concatenation", "cmla_no_heads")
    }
    for name, table in tables.items():
        for column in table["modalities"].values():
            del column["head"]
        table.pop("fusion", None)
        del table["embedding"]["head"]
        assert table == tables["cmla"], name


def test_the_full_size_is_the_papers() -> None:
    recipe = read_recipe(shipped()["cmla_full"], (), registry=registry())
    data, training = recipe.sections["data"], recipe.sections["training"]
    assert (data.batch_size, training.epochs) == (4096, 15)
    assert (training.optimizer, training.lr_heads, training.lr_backbones) == ("adam", 1e-4, 1e-4)
    assert (training.schedule, recipe.sections["objective"].temperature) == ("cosine", 0.07)


def test_the_full_size_is_evaluated_as_the_papers_is() -> None:
    recipe = read_recipe(shipped()["cmla_full"], (), registry=registry())
    prompts = next(task for task in recipe.sections["evaluation"].tasks if task.kind == "prompts")
    assert (str(prompts.store), prompts.split) == ("data/cifar100", "test")
    assert prompts.build().templates[0] == "a photo of a {}."


def test_pictures_alone_in_the_study_are_the_recipe_of_their_own() -> None:
    study = read_study(shipped_studies()["cmla_cifar10"], ())
    own = resolve(read_toml(shipped()["cmla_image_only"]), registry=registry()).table
    found = [
        resolve(recipe, registry=registry()).table
        for run, recipe in zip(study.runs, study.recipes, strict=True)
        if run.choice == {"model": "pictures alone, with labels", "seed": "0"}
    ]
    assert len(found) == 1
    # Embeddings are of one width in all rows of the table.
    assert found[0]["evaluation"].pop("split") == own["evaluation"].pop("split")
    assert found[0] == own


def available_memory(unknown: int) -> int:
    """Bytes of memory to be had; `unknown` where the system does not say."""
    status = Path("/proc/meminfo")
    if not status.is_file():
        return unknown
    return int(status.read_text().split("MemAvailable:")[1].split()[0]) * 1024


@pytest.mark.skipif(available_memory(ENOUGH) < ENOUGH, reason="takes 6 GB of memory")
def test_the_full_size_takes_a_step_with_random_weights(tmp_path: Path) -> None:
    settings = [
        f"data.store={save_rooms(tmp_path / 'rooms')}",
        "data.batch_size=2",
        "data.validation_size=2",
        "data.workers=0",
        "modalities.image.encoder.weights=random",
        "modalities.image.size=224",
        f"modalities.text.encoder.model={save_bert_base(tmp_path / 'bert')}",
        "modalities.text.encoder.weights=random",
        "training.device=cpu",
        "training.precision=float32",
        "training.chunk_size=1",
    ]
    recipe = read_recipe(shipped()["cmla_full"], settings, registry=registry())
    built = build(recipe, registry=registry(), source="cmla_full")
    count = sum(parameter.numel() for parameter in built.model.parameters())
    assert count == pytest.approx(220e6, rel=0.005)  # "~220M", Table 1
    head = next(built.model.heads["text"].parameters())
    before = head.detach().clone()
    result = train_step(built, next(iter(training_batches(built, epoch=0))), 0)
    assert result.anchors == {"image-text": 2}
    assert 0 < result.gradient_norm < float("inf")
    assert not torch.equal(head, before)
