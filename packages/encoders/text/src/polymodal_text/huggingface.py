"""Transformers from Hugging Face as text encoders."""

from __future__ import annotations

import json
from typing import Any, Literal, cast

import torch
from polymodal_core.batch import Features
from polymodal_core.errors import PolymodalError
from torch import Tensor, nn

from polymodal_text.pooling import last_token, masked_mean
from polymodal_text.pretrained import load_pretrained

Pooling = Literal["mean", "cls", "last"]


class HuggingFaceEncoder(nn.Module):
    """Map `ids` and `mask` [present, length] to features [present, feature_dim] by a transformer.

    `pooled` is the mean of the last layer's real tokens, its first token (`cls`), or its last real
    one (`last`: the end of text, where CLIP's causal transformer has read everything).
    """

    def __init__(self, model: nn.Module, *, feature_dim: int, pooling: Pooling) -> None:
        """Wrap a transformers model."""
        super().__init__()
        self.model = model
        self.feature_dim = feature_dim
        self.pooling = pooling

    @property
    def token_embeddings(self) -> Tensor:
        """The vectors of the tokens [vocabulary, width]."""
        return cast("Tensor", cast("Any", self.model).get_input_embeddings().weight)

    def forward(self, inputs: dict[str, Tensor]) -> Features:
        """Encode; tokens are the last hidden states [present, length, feature_dim]."""
        ids, mask = inputs["ids"], inputs["mask"]
        tokens = self.model(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        return Features(self._pool(tokens, mask), tokens, mask)

    def _pool(self, tokens: Tensor, mask: Tensor) -> Tensor:
        match self.pooling:
            case "cls":
                return tokens[:, 0]
            case "last":
                return last_token(tokens, mask)
            case "mean":
                return masked_mean(tokens, mask)


def build_encoder(
    name: str,
    *,
    pretrained: bool,
    pooling: Pooling,
    local_only: bool,
    vocabulary: int,
    length: int,
    architecture: dict[str, Any] | None = None,
) -> HuggingFaceEncoder:
    """Load a model by name or path, or build its architecture with random weights.

    Raises PolymodalError where it is missing, is no plain encoder, or is too short or too small
    for the tokens it will get.
    """
    import transformers

    architectures: Any = transformers.AutoModel
    if architecture is None:
        architecture = read_architecture(name, local_only=local_only)
    config = transformers.AutoConfig.for_model(**architecture)
    _check(config, name, vocabulary=vocabulary, length=length)
    if pretrained:
        # Left to itself transformers takes the data type of the file, be it half precision.
        model = load_pretrained(
            architectures.from_pretrained,
            name,
            what="model",
            local_only=local_only,
            config=config,
            dtype=torch.float32,
        )
    else:
        model = architectures.from_config(config)
    if isinstance(getattr(model, "pooler", None), nn.Module):
        model.pooler = None  # a layer for next-sentence prediction: it would never get a gradient
    return HuggingFaceEncoder(model, feature_dim=int(config.hidden_size), pooling=pooling)


def read_architecture(name: str, *, local_only: bool) -> dict[str, Any]:
    """Read a model's config.json, by name or path, as plain data.

    Of a model of pictures and text, such as CLIP, this is the part that reads text.
    """
    import transformers

    config = load_pretrained(
        transformers.AutoConfig.from_pretrained, name, what="model", local_only=local_only
    )
    config = getattr(config, "text_config", config)
    plain: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    return plain


def _check(config: Any, name: str, *, vocabulary: int, length: int) -> None:
    if getattr(config, "is_encoder_decoder", False) or not hasattr(config, "hidden_size"):
        raise PolymodalError(
            f"model '{name}' ({config.model_type}) is no text encoder; wanted one such as bert, "
            f"roberta, mpnet, distilbert or clip"
        )
    longest = getattr(config, "max_position_embeddings", None)
    if longest is not None and length > longest:
        raise PolymodalError(
            f"model '{name}' reads at most {longest} tokens; the modality's length is {length}"
        )
    size = getattr(config, "vocab_size", None)
    if size is not None and vocabulary > size:
        raise PolymodalError(
            f"model '{name}' knows {size} tokens; the tokenizer gives {vocabulary}"
        )
