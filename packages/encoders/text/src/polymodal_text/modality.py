"""Text as values: packed as UTF-8, turned into token ids, corrupted as people mistype."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from polymodal_core.errors import PolymodalError, ValueRejectedError
from polymodal_core.protocols import Modality, State

from polymodal_text.corruptions import drop_words, swap_words, typos
from polymodal_text.eda import EDA
from polymodal_text.phrases import PhraseShuffling
from polymodal_text.synonyms import read_synonyms, synonyms_of
from polymodal_text.tokenizer import (
    TextTokenizer,
    learn_tokenizer,
    pretrained_tokenizer,
    rebuilt_tokenizer,
    tokenizer_state,
)
from polymodal_text.word_masking import mask_words

if TYPE_CHECKING:
    import numpy as np
    from polymodal_core.protocols import Corruption
    from torch import Tensor

    from polymodal_text.config import EDAConfig


class TextModality(Modality):
    """Text, as token ids of a tokenizer that is learned, or taken from a Hugging Face model."""

    def __init__(  # noqa: PLR0913
        self,
        *,
        length: int,
        vocabulary: int,
        lowercase: bool,
        tokenizer: str | None,
        word_dropout: float,
        word_masking: float = 0.0,
        phrase_shuffling: float = 0.0,
        augment: EDAConfig | None = None,
        state: State | None = None,
    ) -> None:
        """Build, with what `fit` learned where it has been fitted."""
        self.length = length
        self.vocabulary = vocabulary
        self.lowercase = lowercase
        self.tokenizer = tokenizer
        self.word_dropout = word_dropout
        self.word_masking = word_masking
        self.phrase_shuffling = phrase_shuffling
        self.augment = augment
        self.state = state

    def pack(self, value: Any, root: str | None) -> bytes:
        """Give text as UTF-8 in composed form (NFC); raises ValueRejectedError for none."""
        if not isinstance(value, str):
            raise ValueRejectedError(f"{value!r:.60} is {type(value).__name__}; wanted text")
        if not value.strip():
            raise ValueRejectedError("the text is empty; leave it out, or give it words")
        try:
            return unicodedata.normalize("NFC", value).encode()
        except UnicodeEncodeError as error:
            raise ValueRejectedError(f"{value!r:.60} is no valid Unicode: {error}") from None

    def decode(self, payload: bytes) -> str:
        """Give the text."""
        try:
            return payload.decode()
        except UnicodeDecodeError as error:
            raise ValueRejectedError(f"{payload[:60]!r} is no UTF-8 text: {error}") from None

    def fit(self, values: Iterable[str]) -> State:
        """Learn a tokenizer from the training texts, or keep a copy of the one that is named.

        Synonyms are kept too: a run that is resumed needs their file no more.
        """
        kept: State = {}
        if self.augment is not None and self.augment.needs_synonyms:
            kept["synonyms"] = read_synonyms(self.augment.synonyms)
        if self.tokenizer is not None:
            return kept | tokenizer_state(pretrained_tokenizer(self.tokenizer, length=self.length))
        learned = learn_tokenizer(values, vocabulary=self.vocabulary, lowercase=self.lowercase)
        return kept | {"tokenizer": learned}

    def transform(
        self,
        value: str,
        *,
        training: bool,
        shared: np.random.Generator,
        own: np.random.Generator,
    ) -> list[int]:
        """Give the token ids [length or fewer]; in training with words changed at random."""
        if training and self.phrase_shuffling > 0:
            value = PhraseShuffling(self.phrase_shuffling)(value, own)
        if training and self.word_dropout > 0:
            value = drop_words(value, self.word_dropout, own)
        if training and self.augment is not None:
            value = self._eda(value, own)
        if training and self.word_masking > 0:
            ids = mask_words(value, self._loaded, self.word_masking, own)
        else:
            ids = self._loaded.ids(value)
        if not ids:
            raise ValueRejectedError(f"{value!r:.60} has no token in the tokenizer's vocabulary")
        return ids

    def collate(self, examples: Sequence[list[int]]) -> dict[str, Tensor]:
        """Pad to the longest: `ids` int64 [present, length], `mask` bool [present, length]."""
        import torch

        lengths = torch.tensor([len(example) for example in examples])
        longest = int(lengths.max())
        fill = self._loaded.padding
        padded = [[*example, *[fill] * (longest - len(example))] for example in examples]
        return {
            "ids": torch.tensor(padded, dtype=torch.int64),
            "mask": torch.arange(longest) < lengths[:, None],
        }

    def corruptions(self) -> Mapping[str, Corruption]:
        """Mistype letters, leave words out, swap neighbouring words."""
        return {"typos": typos, "drop_words": drop_words, "swap_words": swap_words}

    def spans(self, value: str) -> list[tuple[int, int]]:
        """Give start and end in the text of each token, equal for what a model adds to it."""
        return self._loaded.spans(value)

    def show(self, value: str) -> str:
        """Give the text itself."""
        return value

    def spec(self) -> dict[str, Any]:
        """Give `vocabulary`, `length` (the longest sequence) and ids.

        `padding` fills up a batch, `mask_token` stands for a hidden token, and the tuple
        `special_tokens` for no text at all.
        """
        loaded = self._loaded
        return {
            "vocabulary": loaded.vocabulary,
            "length": self.length,
            "padding": loaded.padding,
            "mask_token": loaded.mask,
            "special_tokens": loaded.special,
        }

    @functools.cached_property
    def _loaded(self) -> TextTokenizer:
        if self.state is not None and "tokenizer" in self.state:
            return rebuilt_tokenizer(self.state, length=self.length)
        if self.tokenizer is None:
            raise PolymodalError("the tokenizer is known only after `fit` on the training split")
        return pretrained_tokenizer(self.tokenizer, length=self.length)

    @functools.cached_property
    def _eda(self) -> EDA:
        config = self.augment
        assert config is not None
        groups = (self.state or {}).get("synonyms")
        if groups is None and config.needs_synonyms:
            groups = read_synonyms(config.synonyms)
        return EDA(config.alpha, config.probability, config.operations, synonyms_of(groups or []))

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what every process makes for itself, the loaded tokenizer above all."""
        made = ("_loaded", "_eda")
        return {key: value for key, value in self.__dict__.items() if key not in made}
