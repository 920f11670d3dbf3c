"""A small transformer over token ids, trained from scratch."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from polymodal_core.batch import Features
from torch import Tensor, nn

from polymodal_text.pooling import masked_mean


class TransformerLayer(nn.Module):
    """Self-attention and a feed-forward block, normalised before each (Xiong et al. 2020).

    All but the attention itself sees the real tokens alone, [tokens, width], without padding:
    captions differ in length, and this is 1.7 times as fast as padding them (measured on Flickr8k).
    """

    def __init__(self, width: int, *, heads: int, expansion: int, dropout: float) -> None:
        """Build a layer whose feed-forward block is `expansion` times as wide inside."""
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, expansion * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(expansion * width, width),
            nn.Dropout(dropout),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, mask: Tensor, places: Tensor) -> Tensor:
        """Map [tokens, width]; `places` [tokens] are their indices into the flat mask."""
        hidden = hidden + self.dropout(self._attend(self.attention_norm(hidden), mask, places))
        return cast("Tensor", hidden + self.feed_forward(hidden))

    def _attend(self, hidden: Tensor, mask: Tensor, places: Tensor) -> Tensor:
        width = hidden.shape[1]
        padded = unpack(self.project_in(hidden), mask, places)
        # [3, present, heads, length, width of a head]
        parts = padded.view(*mask.shape, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        attended = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=mask[:, None, None],
            dropout_p=self.dropout.p if self.training else 0.0,
        )
        tokens = attended.transpose(1, 2).flatten(0, 1).flatten(1)[places]
        return cast("Tensor", self.project_out(tokens))


class TextTransformer(nn.Module):
    """Map `ids` and `mask` [present, length] to features [present, width].

    `pooled` is the mean over the real tokens of the last layer, so that padding changes nothing.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        length: int,
        width: int,
        layers: int,
        heads: int,
        expansion: int,
        dropout: float,
    ) -> None:
        """Build with small random embeddings of tokens and of their positions."""
        super().__init__()
        self.feature_dim = width
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(length, width)
        nn.init.normal_(self.tokens.weight, std=0.02)
        nn.init.normal_(self.positions.weight, std=0.02)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            TransformerLayer(width, heads=heads, expansion=expansion, dropout=dropout)
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    @property
    def token_embeddings(self) -> Tensor:
        """The vectors of the tokens [vocabulary, width]."""
        return self.tokens.weight

    def forward(self, inputs: dict[str, Tensor]) -> Features:
        """Encode; tokens are [present, length, width] with their mask."""
        ids, mask = inputs["ids"], inputs["mask"]
        places = mask.flatten().nonzero().squeeze(1)
        hidden = self.tokens(ids.flatten()[places]) + self.positions(places % mask.shape[1])
        hidden = self.dropout(hidden)
        for layer in self.layers:
            hidden = layer(hidden, mask, places)
        tokens = unpack(self.norm(hidden), mask, places)
        return Features(masked_mean(tokens, mask), tokens, mask)


def unpack(hidden: Tensor, mask: Tensor, places: Tensor) -> Tensor:
    """Put [tokens, dim] back to [present, length, dim], zero where the mask is False."""
    flat = hidden.new_zeros(mask.numel(), hidden.shape[1])
    return torch.index_copy(flat, 0, places, hidden).view(*mask.shape, hidden.shape[1])
