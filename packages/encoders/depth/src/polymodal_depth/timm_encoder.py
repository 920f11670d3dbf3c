"""Convolutional networks of timm over one channel of depth, with a validity mask."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, cast

import timm
from polymodal_core.batch import Features
from polymodal_core.errors import PolymodalError
from torch import Tensor, nn

from polymodal_depth.validity import coverage
from polymodal_depth.weights import load_local_weights

OFFLINE = (
    "; without network access, give the path of a local .safetensors or .pth file as "
    'encoder.weights, or "random"'
)


class TimmEncoder(nn.Module):
    """Map depth and validity [present, 2, size, size] to features of a network with one channel.

    The network sees depth, 0 where there is no reading. Validity weighs its final map: `pooled` is
    the mean over cells, each by its share of valid pixels and by their confidence, and cells
    without any are masked tokens.
    """

    def __init__(self, network: Any) -> None:
        """Wrap a convolutional network of timm that was made with `num_classes=0`."""
        super().__init__()
        self.network: nn.Module = network
        self.feature_dim = int(network.num_features)

    def forward(self, inputs: Tensor) -> Features:
        """Give pooled [present, feature_dim] and tokens [present, cells, feature_dim]."""
        depth, validity = inputs[:, :1], inputs[:, 1]
        maps: Tensor = cast("Any", self.network).forward_features(
            depth * (validity > 0).unsqueeze(1)
        )
        tokens = maps.flatten(2).transpose(1, 2)
        weights = coverage(validity, height=maps.shape[2], width=maps.shape[3])
        shares = (weights / weights.sum(1, keepdim=True)).to(tokens.dtype)
        pooled = (tokens * shares.unsqueeze(-1)).sum(1)
        height, width = maps.shape[2:]
        return Features(pooled, tokens, weights > 0, grid=(height, width))


def create_network(model: str, *, weights: str, options: Mapping[str, Any]) -> nn.Module:
    """Create a network with one input channel and without classifier.

    Raises PolymodalError for an unknown model, an option it does not take, a network without a
    feature map, and weights that are out of reach or do not fit.
    """
    if not timm.is_model(model):
        close = difflib.get_close_matches(model, timm.list_models(), n=3)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise PolymodalError(f"timm {timm.__version__} has no model '{model}'{hint}")
    given = {**options, "num_classes": 0, "in_chans": 1}
    try:
        network: nn.Module = timm.create_model(model, pretrained=weights == "hub", **given)
    except Exception as error:  # whatever timm, the network and the hub's client raise
        advice = OFFLINE if weights == "hub" else ""
        raise PolymodalError(
            f"timm model '{model}' with weights '{weights}' cannot be created with the options "
            f"{given} ({type(error).__name__}: {error}){advice}"
        ) from error
    if _shape_of_maps(network) != "NCHW":
        raise PolymodalError(
            f"timm model '{model}' has no convolutional map that validity could weigh; use one "
            f"such as resnet18"
        )
    if weights not in ("random", "hub"):
        load_local_weights(network, weights, model=model)
    return network


def _shape_of_maps(network: Any) -> str | None:
    # timm gives a pooling size to whatever ends in a map, and says where its channels are not
    # the second axis.
    if network.pretrained_cfg.get("pool_size") is None:
        return None
    return str(getattr(network, "output_fmt", "NCHW"))
