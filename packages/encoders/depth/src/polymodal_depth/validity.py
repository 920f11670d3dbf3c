"""What a coarse feature map knows of missing readings."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def coverage(validity: Tensor, *, height: int, width: int) -> Tensor:
    """Give the share of valid pixels in each cell: [present, height * width] from [present, H, W].

    A pixel counts by its validity, which is an estimate's confidence. A map without a single
    reading counts as covered everywhere, so that means and attention over its cells stay finite.
    """
    share = F.adaptive_avg_pool2d(validity.unsqueeze(1), (height, width)).flatten(1)
    return share.masked_fill(share.sum(1, keepdim=True) == 0, 1.0)
