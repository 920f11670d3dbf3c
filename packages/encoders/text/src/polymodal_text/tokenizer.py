"""Tokenizers: learned from captions, or taken from a Hugging Face model."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polymodal_core.errors import PolymodalError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PADDING = "<pad>"


@dataclass(frozen=True)
class TextTokenizer:
    """Maps text to ids: `vocabulary` is their number, `padding` the id that fills up a batch.

    `mask` is the id that stands for a hidden token: padding's, which no real token has, where the
    tokenizer knows none. `special` are the ids that stand for no text.
    """

    tokenizer: Tokenizer
    vocabulary: int
    padding: int
    mask: int
    special: tuple[int, ...] = ()

    def ids(self, text: str) -> list[int]:
        """Give the ids of a text, truncated."""
        return list(self.tokenizer.encode(text).ids)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Give the place of each id in the text: (start, end)."""
        return [(int(start), int(end)) for start, end in self.tokenizer.encode(text).offsets]


def learn_tokenizer(texts: Iterable[str], *, vocabulary: int, lowercase: bool) -> dict[str, Any]:
    """Learn byte-level BPE (Sennrich et al. 2016; bytes as in GPT-2) and give it as plain data.

    Any text can be encoded, since the 256 bytes are always in the vocabulary. Raises
    PolymodalError where there is no text.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    steps = [normalizers.NFC(), *([normalizers.Lowercase()] if lowercase else [])]
    tokenizer.normalizer = normalizers.Sequence(steps)
    # With the space in front, a word is the same token at the start as within a text.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[PADDING],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    stream = iter(texts)
    first = next(stream, None)
    if first is None:
        raise PolymodalError("the training split has no text to learn a tokenizer from")
    with _single_threaded():
        tokenizer.train_from_iterator(itertools.chain([first], stream), trainer)
    learned: dict[str, Any] = json.loads(tokenizer.to_str())
    return learned


def tokenizer_state(loaded: TextTokenizer) -> dict[str, Any]:
    """Give a loaded tokenizer as plain data, so that a run needs its files no more."""
    return {
        "tokenizer": json.loads(loaded.tokenizer.to_str()),
        "padding": loaded.padding,
        "mask": loaded.mask,
        "special": list(loaded.special),
    }


def rebuilt_tokenizer(state: dict[str, Any], *, length: int) -> TextTokenizer:
    """Rebuild a tokenizer from plain data, truncating to `length` ids.

    Where the state names no padding, the tokenizer was learned: special tokens come first in its
    vocabulary, and padding is 0.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(json.dumps(state["tokenizer"]))
    tokenizer.enable_truncation(length)
    padding = state.get("padding", 0)
    return TextTokenizer(
        tokenizer,
        tokenizer.get_vocab_size(),
        padding,
        state.get("mask", padding),
        tuple(state.get("special", ())),
    )


def pretrained_tokenizer(name: str, *, length: int) -> TextTokenizer:
    """Load the tokenizer of a Hugging Face model by name or path, truncating to `length` ids.

    Raises PolymodalError where it is missing, or slower than the tokenizers library allows.
    """
    from transformers import AutoTokenizer

    from polymodal_text.pretrained import load_pretrained

    loaded = load_pretrained(AutoTokenizer.from_pretrained, name, what="tokenizer")
    tokenizer = getattr(loaded, "backend_tokenizer", None)
    if tokenizer is None:
        raise PolymodalError(
            f"tokenizer '{name}' ({type(loaded).__name__}) has no tokenizer.json form; wanted one "
            f"that the tokenizers library can read"
        )
    tokenizer.no_padding()
    tokenizer.enable_truncation(length)
    padding = loaded.pad_token_id if loaded.pad_token_id is not None else loaded.eos_token_id
    padding = 0 if padding is None else int(padding)
    masked = loaded.mask_token_id
    return TextTokenizer(
        tokenizer,
        len(loaded),
        padding,
        padding if masked is None else int(masked),
        tuple(sorted({int(item) for item in loaded.all_special_ids})),
    )


@contextmanager
def _single_threaded() -> Iterator[None]:
    # After a parallel training the library warns at every later fork of a loading worker.
    before = os.environ.get("TOKENIZERS_PARALLELISM")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ["TOKENIZERS_PARALLELISM"]
        else:
            os.environ["TOKENIZERS_PARALLELISM"] = before
