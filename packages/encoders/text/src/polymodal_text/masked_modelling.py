"""Masked-token modelling: tokens that were hidden from the encoder, told from their context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from polymodal_core.batch import Features
from torch import Tensor, nn

MASK, RANDOM = 0.8, 0.1
"""Shares of the chosen tokens that the mask takes the place of, and a random token."""


class MaskedModelling(nn.Module):
    """An encoder of text with an auxiliary task in training (BERT, Devlin et al. 2019, 3.1).

    In training, each real token that is none of `special_tokens` is chosen with probability
    `masked`. Of the chosen ones 80 % are replaced by `mask_token`, 10 % by a random token, and 10 %
    stay. From the encoder's token at each chosen place, a head (linear, GELU, LayerNorm) and the
    encoder's own token embeddings, with a bias, tell which token it was: the mean cross-entropy
    over the chosen places, times `weight`, is the auxiliary loss. The objective sees the features
    of that same text, hidden tokens and all, as it does with word dropout: one pass serves both. In
    eval mode nothing is hidden, and the head has no part.
    """

    ordinary: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        *,
        weight: float,
        masked: float,
        vocabulary: int,
        mask_token: int,
        special_tokens: Sequence[int],
    ) -> None:
        """Wrap an encoder with `token_embeddings` [vocabulary or more, width]."""
        super().__init__()
        self.backbone = encoder
        self.feature_dim = int(cast("int", encoder.feature_dim))
        self.weight, self.masked, self.mask_token = weight, masked, mask_token
        size, width = cast("Any", encoder).token_embeddings.shape
        self.transform = nn.Sequential(
            nn.Linear(self.feature_dim, width), nn.GELU(), nn.LayerNorm(width)
        )
        self.bias = nn.Parameter(torch.zeros(size))
        # An embedding table may have more rows than the tokenizer has tokens.
        ordinary = torch.arange(size) < vocabulary
        ordinary[[*special_tokens, mask_token]] = False
        self.register_buffer("ordinary", ordinary, persistent=False)

    def finish(self, features: Features) -> Features:
        """Leave features of the encoder as they are: the head is behind them, not on the way."""
        return features

    def forward(self, inputs: dict[str, Tensor]) -> Features:
        """Encode `ids` and `mask` [present, length]."""
        if not self.training:
            return cast("Features", self.backbone(inputs))
        ids = inputs["ids"]
        chosen, seen = self.draw(ids, inputs["mask"])
        found = cast("Features", self.backbone({**inputs, "ids": seen}))
        logits = self.tell(cast("Tensor", found.tokens)[chosen])
        count = chosen.sum()
        # Without a chosen token the mean is over nothing: 0, with a graph.
        loss = F.cross_entropy(logits.float(), ids[chosen], reduction="sum") / count.clamp(min=1)
        return Features(found.pooled, found.tokens, found.mask, self.weight * loss, count)

    def draw(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Draw the chosen places, bool [present, length], and the ids that the encoder sees."""
        chosen = (torch.rand(ids.shape, device=ids.device) < self.masked) & mask
        chosen &= self.ordinary[ids]
        fate = torch.rand(ids.shape, device=ids.device)
        drawn = torch.randint(int(self.ordinary.sum()), ids.shape, device=ids.device)
        others = self.ordinary.nonzero().flatten()[drawn]
        seen = torch.where(chosen & (fate < MASK + RANDOM), others, ids)
        return chosen, torch.where(chosen & (fate < MASK), self.mask_token, seen)

    def tell(self, tokens: Tensor) -> Tensor:
        """Give the logits [tokens, vocabulary] of tokens [tokens, feature_dim]."""
        embeddings = cast("Tensor", cast("Any", self.backbone).token_embeddings)
        return F.linear(self.transform(tokens), embeddings, self.bias)
