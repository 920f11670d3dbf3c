"""Options of text and of its encoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

from polymodal_core.config import Configuration, EncoderConfig, ModalityConfig
from pydantic import Field, field_validator, model_validator

if TYPE_CHECKING:
    from polymodal_core.protocols import State

    from polymodal_text.huggingface import HuggingFaceEncoder
    from polymodal_text.masked_modelling import MaskedModelling
    from polymodal_text.modality import TextModality
    from polymodal_text.transformer import TextTransformer

VOCABULARY = 4000
SMALLEST_VOCABULARY = 257  # padding, and the 256 bytes that any text is made of


class EDAConfig(Configuration):
    """Easy data augmentation (Wei and Zou 2019): one operation per text, drawn anew in each epoch.

    `replace` words by synonyms, `insert` synonyms of words, `swap` words, `delete` words: `alpha`
    of the words each time. `probability` is the share of texts that are changed: 0.8 is the
    paper's mix of the original and four changed copies. `synonyms` is a file with a group of words
    a line, separated by commas; left out: a short list of common words of English captions.
    """

    kind: Literal["eda"] = "eda"
    alpha: float = Field(default=0.1, gt=0, lt=1)
    probability: float = Field(default=0.8, gt=0, le=1)
    operations: tuple[Literal["replace", "insert", "swap", "delete"], ...] = Field(
        default=("replace", "insert", "swap", "delete"), min_length=1
    )
    synonyms: str | None = Field(default=None, min_length=1)

    @field_validator("operations")
    @classmethod
    def _check_once(cls, operations: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(operations)) < len(operations):
            raise ValueError("names an operation twice; each is drawn equally often")
        return operations

    @property
    def needs_synonyms(self) -> bool:
        """Whether an operation chooses from synonyms."""
        return bool({"replace", "insert"} & set(self.operations))


class TextConfig(ModalityConfig):
    """Text, as at most `length` tokens.

    The tokenizer is learned from the training split, with at most `vocabulary` tokens and, with
    `lowercase`, without regard to case; or it is the Hugging Face `tokenizer` of that name or
    path, which has a vocabulary and a case of its own. In training texts are changed by `augment`
    (EDA), or by deletion alone: every word of every text is left out with probability
    `word_dropout`. Beside either, two noun phrases are swapped in a share `phrase_shuffling` of the
    texts, before it, and every word is hidden behind the tokenizer's mask token with probability
    `word_masking`, after it; a tokenizer without one has the token that fills up a batch for it.
    """

    kind: Literal["text"] = "text"
    default_encoder: ClassVar[str] = "transformer"
    length: int = Field(default=48, gt=0)
    vocabulary: int = Field(default=VOCABULARY, ge=SMALLEST_VOCABULARY)
    lowercase: bool = True
    tokenizer: str | None = None
    word_dropout: float = Field(default=0.0, ge=0, lt=1)
    word_masking: float = Field(default=0.0, ge=0, lt=1)
    phrase_shuffling: float = Field(default=0.0, ge=0, le=1)
    augment: EDAConfig | None = None

    @model_validator(mode="after")
    def _check_augment(self) -> Self:
        if self.word_dropout > 0 and self.augment is not None:
            raise ValueError(
                'word_dropout and augment exclude each other: augment has "delete" among its '
                "operations; leave word_dropout out"
            )
        return self

    @model_validator(mode="after")
    def _check_tokenizer(self) -> Self:
        # Options at their defaults pass: a resolved recipe spells them out.
        if self.tokenizer is not None and (self.vocabulary != VOCABULARY or not self.lowercase):
            raise ValueError(
                f"vocabulary and lowercase belong to a tokenizer that is learned; leave them out, "
                f"'{self.tokenizer}' has its own"
            )
        return self

    def build(self, state: State | None = None) -> TextModality:
        """Build the modality, with the tokenizer that `fit` learned where it has been fitted."""
        from polymodal_text.modality import TextModality

        return TextModality(
            length=self.length,
            vocabulary=self.vocabulary,
            lowercase=self.lowercase,
            tokenizer=self.tokenizer,
            word_dropout=self.word_dropout,
            word_masking=self.word_masking,
            phrase_shuffling=self.phrase_shuffling,
            augment=self.augment,
            state=state,
        )


class MaskedConfig(EncoderConfig):
    """What encoders of text have in common: an auxiliary task in training.

    `masked_modelling` is the weight of the loss of a head that tells the tokens that were hidden
    from the encoder (BERT, Devlin et al. 2019); 0 is no head. `masked` is the share of tokens that
    it has to tell.
    """

    masked_modelling: float = Field(default=0.0, ge=0)
    masked: float = Field(default=0.15, gt=0, lt=1)

    @model_validator(mode="after")
    def _check_masked_modelling(self) -> Self:
        if self.masked_modelling > 0 and self.tuning == "frozen":
            raise ValueError(
                "masked_modelling trains the encoder, which is frozen; leave one of them out"
            )
        return self

    def _with_task(
        self, encoder: Any, *, vocabulary: int, mask_token: int, special_tokens: Sequence[int]
    ) -> Any:
        if self.masked_modelling == 0:
            return encoder
        from polymodal_text.masked_modelling import MaskedModelling

        return MaskedModelling(
            encoder,
            weight=self.masked_modelling,
            masked=self.masked,
            vocabulary=vocabulary,
            mask_token=mask_token,
            special_tokens=special_tokens,
        )


class TransformerConfig(MaskedConfig):
    """A small transformer trained from scratch: pre-norm, learned positions, masked mean.

    `width` of the features, divisible by `heads`; the feed-forward blocks are `expansion` times as
    wide inside. `masked_modelling` and `masked` as in `MaskedConfig`.
    """

    kind: Literal["transformer"] = "transformer"
    modality: ClassVar[str] = "text"
    width: int = Field(default=128, gt=0)
    layers: int = Field(default=2, gt=0)
    heads: int = Field(default=4, gt=0)
    expansion: int = Field(default=2, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _check_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of heads {self.heads}")
        return self

    def build(
        self,
        *,
        vocabulary: int,
        length: int,
        padding: int,
        mask_token: int = 0,
        special_tokens: Sequence[int] = (),
    ) -> TextTransformer | MaskedModelling:
        """Build the encoder for ids below `vocabulary`, at most `length` of them."""
        from polymodal_text.transformer import TextTransformer

        encoder = TextTransformer(
            vocabulary=vocabulary,
            length=length,
            width=self.width,
            layers=self.layers,
            heads=self.heads,
            expansion=self.expansion,
            dropout=self.dropout,
        )
        made = self._with_task(
            encoder,
            vocabulary=vocabulary,
            mask_token=mask_token,
            special_tokens=special_tokens,
        )
        return cast("TextTransformer | MaskedModelling", made)


class HuggingFaceConfig(MaskedConfig):
    """A transformer from Hugging Face, by name or by the path of a folder, with its tokenizer.

    `weights`: `pretrained`, or `random` for the same architecture untrained. `pooling`: the
    masked `mean` of the last layer, its first token (`cls`), or its last one (`last`, as CLIP has
    it). With `local_only` a name is looked up among what has been downloaded before, never on the
    network. `architecture` stands for the
    model's config.json where its files are not at hand, as in a checkpoint. `masked_modelling` and
    `masked` as in `MaskedConfig`.
    """

    kind: Literal["huggingface"] = "huggingface"
    modality: ClassVar[str] = "text"
    model: str = Field(min_length=1)
    weights: Literal["pretrained", "random"] = "pretrained"
    pooling: Literal["mean", "cls", "last"] = "mean"
    local_only: bool = False
    architecture: dict[str, Any] | None = None

    def requires(self) -> dict[str, Any]:
        """Fix the tokenizer: its ids are the rows of the model's embedding table."""
        return {"tokenizer": self.model}

    def portable(self) -> HuggingFaceConfig:
        """Give the same architecture spelled out, and no file to read."""
        from polymodal_text.huggingface import read_architecture

        architecture = read_architecture(self.model, local_only=self.local_only)
        return self.model_copy(update={"weights": "random", "architecture": architecture})

    def build(
        self,
        *,
        vocabulary: int,
        length: int,
        padding: int,
        mask_token: int = 0,
        special_tokens: Sequence[int] = (),
    ) -> HuggingFaceEncoder | MaskedModelling:
        """Build the encoder; raises PolymodalError where the model is missing or too short."""
        from polymodal_text.huggingface import build_encoder

        encoder = build_encoder(
            self.model,
            pretrained=self.weights == "pretrained",
            pooling=self.pooling,
            local_only=self.local_only,
            architecture=self.architecture,
            vocabulary=vocabulary,
            length=length,
        )
        made = self._with_task(
            encoder,
            vocabulary=vocabulary,
            mask_token=mask_token,
            special_tokens=special_tokens,
        )
        return cast("HuggingFaceEncoder | MaskedModelling", made)
