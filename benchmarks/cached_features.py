"""Frozen backbones: 50 epochs over cached features against 50 epochs through the live networks.

A ViT-B/32 for pictures and a BERT-base for captions, both frozen and with random weights (their
time does not depend on them). A live epoch is timed once and multiplied; caching is the one pass
that computes the features, and the epochs over them are all run.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

EPOCHS = 50
WORDS = "a room with large small red orange yellow green turquoise blue purple pink white walls"


def main(*, quick: bool = False) -> None:
    """Print seconds and ratios; `quick` takes fewer rooms."""
    rooms = 64 if quick else 512
    with tempfile.TemporaryDirectory() as folder:
        table = _recipe(Path(folder), rooms=rooms)
        live = _live_epoch(table)
        caching, cached = _cached_epochs(table)
    print(f"{rooms} rows, batches of 64, ViT-B/32 and BERT-base frozen")
    print(f"  {'a live epoch':34} {live:9.2f} s")
    print(f"  {'computing the features once':34} {caching:9.2f} s")
    print(f"  {'a cached epoch':34} {cached:9.3f} s   {live / cached:6.0f}x (goal: 300x)")
    total = EPOCHS * live / (caching + EPOCHS * cached)
    print(f"  {f'{EPOCHS} epochs in all':34} {'':9}     {total:6.0f}x (goal: 40x)", flush=True)


def _recipe(folder: Path, *, rooms: int) -> dict[str, Any]:
    from polymodal_core.config import ImporterConfig
    from polymodal_core.plugins import registry
    from polymodal_datasets.pack import pack

    plugins = registry()
    counts = {"train": rooms, "validation": 16, "test": 0, "heldout": 0}
    options = {"captions": 1, "columns": ["image", "text"], **counts}
    importer = plugins.find("importer", "rooms", ImporterConfig).model_validate(options)
    pack(importer.build(), folder / "rooms", registry=plugins)
    frozen = {"tuning": "frozen"}
    return {
        "data": {"store": str(folder / "rooms"), "batch_size": 64},
        "modalities": {
            "image": {
                "size": 224,
                "encoder": {"kind": "timm", "model": "vit_base_patch32_224", **frozen},
            },
            "text": {
                "length": 32,
                "encoder": {"kind": "huggingface", "model": _bert(folder / "bert"), **frozen},
            },
        },
        "objective": {"kind": "pcmc"},
        "training": {"device": "cpu"},
    }


def _bert(folder: Path) -> str:
    """Save a BERT-base of random weights with a tokenizer of a few words."""
    from transformers import BertConfig, BertModel, BertTokenizer

    folder.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split()]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    BertModel(BertConfig()).save_pretrained(folder)
    return str(folder)


def _setup(table: dict[str, Any], *, cache: bool) -> Any:
    from polymodal_core.plugins import registry
    from polymodal_trainer.resolve import resolve
    from polymodal_trainer.start import build

    plugins = registry()
    training = {**table["training"], "cache_features": cache}
    recipe = resolve({**table, "training": training}, registry=plugins)
    return build(recipe, registry=plugins, source="benchmark")


def _epoch(setup: Any, epoch: int) -> float:
    from polymodal_trainer.batches import training_batches
    from polymodal_trainer.step import train_step

    start = time.perf_counter()
    for number, batch in enumerate(training_batches(setup, epoch=epoch)):
        train_step(setup, batch, epoch * setup.steps_per_epoch + number)
    return time.perf_counter() - start


def _live_epoch(table: dict[str, Any]) -> float:
    return _epoch(_setup(table, cache=False), 0)


def _cached_epochs(table: dict[str, Any]) -> tuple[float, float]:
    """Give the seconds of computing the features, and of an epoch over them."""
    from dataclasses import replace

    from polymodal_trainer.features import cache_features

    setup = _setup(table, cache=True)
    start = time.perf_counter()
    setup = replace(setup, modalities=cache_features(setup, advance=lambda _: None))
    caching = time.perf_counter() - start
    seconds = [_epoch(setup, epoch) for epoch in range(EPOCHS)]
    return caching, sum(seconds) / EPOCHS
