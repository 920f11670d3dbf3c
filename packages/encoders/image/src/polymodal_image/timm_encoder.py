"""Networks that timm knows by name, as encoders of pictures."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, cast

import timm
import torch
from polymodal_core.batch import Features
from polymodal_core.errors import PolymodalError
from timm.models import get_pretrained_cfg
from torch import Tensor, nn

from polymodal_image.normalise import Normalise
from polymodal_image.weights import load_local_weights


class TimmEncoder(nn.Module):
    """Map uint8 pictures [present, 3, size, size] to the features before a network's classifier.

    Tokens are the cells of a convolutional map, row by row, or the sequence of a transformer, its
    class token included; there are none where the pooled features are of another width.
    """

    def __init__(self, network: Any, *, mean: Sequence[float], std: Sequence[float]) -> None:
        """Wrap a network of timm that was made with `num_classes=0`."""
        super().__init__()
        self.normalise = Normalise(mean, std)
        self.network: nn.Module = network
        self.feature_dim = int(getattr(network, "head_hidden_size", None) or network.num_features)
        self._channels_last = getattr(network, "output_fmt", "NCHW") == "NHWC"

    def forward(self, inputs: Tensor) -> Features:
        """Give pooled [present, feature_dim] and tokens [present, length, feature_dim]."""
        network = cast("Any", self.network)
        maps = network.forward_features(self.normalise(inputs))
        pooled = network.forward_head(maps, pre_logits=True)
        tokens = self._tokens(maps)
        if tokens.shape[-1] != self.feature_dim:
            return Features(pooled)
        mask = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        return Features(pooled, tokens, mask, grid=self._grid(maps))

    def _tokens(self, maps: Tensor) -> Tensor:
        if maps.ndim == 3:
            return maps
        return maps.flatten(1, 2) if self._channels_last else maps.flatten(2).transpose(1, 2)

    def _grid(self, maps: Tensor) -> tuple[int, int] | None:
        if maps.ndim == 4:
            height, width = maps.shape[1:3] if self._channels_last else maps.shape[2:]
            return height, width
        # The patches of a vision transformer come last, behind its class and register tokens.
        found = getattr(getattr(self.network, "patch_embed", None), "grid_size", None)
        first = int(getattr(self.network, "num_prefix_tokens", 0))
        if found is None or found[0] * found[1] + first != maps.shape[1]:
            return None
        return int(found[0]), int(found[1])


def trained_input(model: str) -> dict[str, Any]:
    """Look up the size, mean and std that timm's own weights of a model were trained with."""
    check_model(model)
    found = get_pretrained_cfg(model)
    if found is None:
        return {}
    return {"size": found.input_size[-1], "mean": tuple(found.mean), "std": tuple(found.std)}


def check_model(model: str) -> None:
    """Raise PolymodalError with the nearest names where timm knows no such model."""
    if not timm.is_model(model):
        close = difflib.get_close_matches(model, timm.list_models(), n=3)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise PolymodalError(
            f"timm {timm.__version__} has no model '{model}'{hint} To list them: "
            f"python -c \"import timm; print(timm.list_models('*resnet*'))\""
        )


def create_network(
    model: str, *, weights: str, options: Mapping[str, Any], size: int, channels: int
) -> nn.Module:
    """Create a network without classifier, for pictures of `size` pixels a side.

    Raises PolymodalError for an unknown model or option, and for weights that are out of reach or
    do not fit.
    """
    check_model(model)
    given = {"num_classes": 0, "in_chans": channels, **options}
    found = get_pretrained_cfg(model)
    if found is not None and found.fixed_input_size:
        given.setdefault("img_size", size)
    try:
        network: nn.Module = timm.create_model(model, pretrained=weights == "hub", **given)
    except TypeError as error:
        raise PolymodalError(
            f"timm model '{model}' does not take the options {given}: {error}"
        ) from error
    except Exception as error:  # whatever timm, the network and the hub's client raise
        if weights != "hub":
            raise PolymodalError(
                f"timm model '{model}' cannot be created with the options {given}: {error}"
            ) from error
        raise PolymodalError(
            f"the weights of timm model '{model}' could not be had from the hub "
            f"({type(error).__name__}: {error}); without network access, give the path of a local "
            f'.safetensors or .pth file as encoder.weights, or "random"'
        ) from error
    if weights not in ("random", "hub"):
        load_local_weights(network, weights, model=model)
    return network
