"""How hard positive and negative pairs pull on the embeddings (trimodal-fusion, Fig. 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from polymodal_losses.inputs import PairwiseInputs
from polymodal_losses.pair_sweep import PairSweep, TiledOptions
from polymodal_losses.pair_tiles import PairTiles
from polymodal_losses.pairs import Pair


class PairSlopes(Protocol):
    """The gradient of a loss with respect to the logits of a pair of columns.

    `at_positives` [anchors] is that at the positives, which `gradient` holds too.
    """

    at_positives: Tensor

    def gradient(self, index: int) -> Tensor:
        """Give the gradient [rows, columns] of a tile of logits."""
        ...


def measure_pair_gradients(
    inputs: PairwiseInputs,
    logit_scale: Tensor,
    *,
    weights: Mapping[Pair, float],
    slopes: Callable[[PairTiles], PairSlopes],
    directions: int,
) -> dict[str, Tensor]:
    """Measure the pull of `positive` and `negative` pairs: mean lengths of embeddings' gradients.

    With S[p, q] = <a[p], b[q]> and G = dL/dS of a pair of columns (a, b), weight included, the
    gradient of an anchor's embedding a[p] through that pair is the sum of two: through its
    positive, G[p, p] b[p], and through all others, sum over q != p of G[p, q] b[q]; likewise for
    b[p]. The lengths of either are averaged over anchors, both columns and all pairs of positive
    weight. Empty where no pair has an anchor. For a softmax both ways, G[p, q] is weight /
    (2 * anchors * temperature) times (softmax over q + softmax over p - 2 [p = q]).

    The paper plots "the average gradient norm of positive and negative pairs" and defines neither;
    a mean of |G| instead would take a thousand negatives that pull apart in all directions, which
    add up to nothing, for a strong pull.

    `slopes` gives the gradient of the sum over anchors, and over `directions`, of which the loss is
    the mean. No graph is kept, and no matrix [batch, batch] is stored.
    """
    lengths: dict[str, list[Tensor]] = {"positive": [], "negative": []}

    def measure(tiles: PairTiles, _a: Tensor | None, _b: Tensor | None, weight: float) -> Tensor:
        if weight > 0:
            share = weight / (directions * tiles.rows.num_anchors)
            positive, negative = _lengths(tiles, slopes(tiles), share)
            lengths["positive"].append(positive)
            lengths["negative"].append(negative)
        return tiles.positive.new_zeros(())

    sweep = PairSweep(inputs, weights, measure, TiledOptions())
    with torch.no_grad(), torch.autocast(device_type=inputs.device.type, enabled=False):
        sweep.run(logit_scale, [False] * (1 + len(inputs.embeddings)))
    return {name: torch.cat(found).mean() for name, found in lengths.items() if found}


def _lengths(tiles: PairTiles, slopes: PairSlopes, share: float) -> tuple[Tensor, Tensor]:
    in_a, in_b = tiles.rows.anchors_in_a, tiles.rows.anchors_in_b
    to_a, to_b = torch.zeros_like(tiles.a.z), torch.zeros_like(tiles.b.z)
    nothing = torch.zeros_like(slopes.at_positives)
    for index in range(len(tiles.tiles)):
        block = slopes.gradient(index)
        tiles.put_positives(index, block, nothing)
        tiles.add_gradient(index, block, to_a=to_a, to_b=to_b, weight=share)
    pull = share * tiles.scale * slopes.at_positives.abs()
    ends = tiles.b.z[in_b].norm(dim=1), tiles.a.z[in_a].norm(dim=1)
    positive = torch.cat([pull * ends[0], pull * ends[1]])
    return positive, torch.cat([to_a[in_a].norm(dim=1), to_b[in_b].norm(dim=1)])
