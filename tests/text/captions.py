"""Captions and a tiny BERT for the tests of text."""

from __future__ import annotations

from pathlib import Path

COLOURS = ("red", "green", "blue", "yellow")
THINGS = ("chair", "table", "lamp", "box", "sphere")
CAPTIONS = [f"A {colour} {thing} stands here." for colour in COLOURS for thing in THINGS]
WORDS = ["a", "stands", "here", ".", *COLOURS, *THINGS]


def save_bert(folder: Path) -> Path:
    """Save a random BERT of two narrow layers, with a tokenizer that knows the captions' words."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder.mkdir(exist_ok=True)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (folder / "vocab.txt").write_text("\n".join([*special, *WORDS]))
    BertTokenizer.from_pretrained(str(folder)).save_pretrained(str(folder))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = BertModel(
            BertConfig(
                vocab_size=len(special) + len(WORDS),
                hidden_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=32,
                max_position_embeddings=24,
                hidden_dropout_prob=0.5,
            )
        )
    model.save_pretrained(str(folder))
    return folder
