"""PCMC at any batch: softmaxes over tiles that are computed again for gradients.

Four matrix products a pair, in sweeps over tiles (`pair_sweep`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from polymodal_losses.formed_gradients import with_formed_gradients
from polymodal_losses.inputs import PairwiseInputs
from polymodal_losses.output import LossOutput
from polymodal_losses.pair_softmax import pair_softmax
from polymodal_losses.pair_sweep import PairSweep, TiledOptions
from polymodal_losses.pair_tiles import PairTiles
from polymodal_losses.pairs import Pair


def tiled_contrastive(
    inputs: PairwiseInputs,
    logit_scale: Tensor,
    *,
    weights: Mapping[Pair, float],
    options: TiledOptions | None = None,
) -> LossOutput:
    """Compute `pairwise_contrastive` without a matrix [batch, batch]; not differentiable twice."""
    sweep = PairSweep(inputs, weights, _one_pair, options or TiledOptions())

    def compute(wanted: Sequence[bool]) -> tuple[Tensor, list[Tensor | None]]:
        return sweep.run(logit_scale, wanted)

    total = with_formed_gradients(compute, [logit_scale, *inputs.embeddings.values()])
    return LossOutput(total=total, parts=sweep.parts, anchors=sweep.anchors)


def _one_pair(tiles: PairTiles, to_a: Tensor | None, to_b: Tensor | None, weight: float) -> Tensor:
    softmax = pair_softmax(tiles)
    if weight > 0 and (to_a is not None or to_b is not None):
        share = weight / (2 * tiles.rows.num_anchors)
        for index in range(len(tiles.tiles)):
            block = softmax.gradient(index)
            tiles.add_gradient(index, block, to_a=to_a, to_b=to_b, weight=share)
    return softmax.loss.mean() / 2
