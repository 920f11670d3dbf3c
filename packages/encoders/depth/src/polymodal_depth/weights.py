"""Weights of a network from a local file, loaded exactly or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from polymodal_core.errors import PolymodalError
from timm.models import adapt_input_conv, load_state_dict

SHOWN = 600


def load_local_weights(network: Any, file: str, *, model: str) -> None:
    """Load a state dict into a network of timm with one input channel.

    The classifier of a file is left out, and a first convolution over three channels is summed to
    one; everything else must fit to the last key. Raises PolymodalError that says what does not.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise PolymodalError(
            f'{path}: no such file of weights; give "random", "hub", or the path of a '
            f".safetensors or .pth file"
        )
    try:
        tensors = load_state_dict(str(path), weights_only=True)
        first = f"{network.pretrained_cfg['first_conv']}.weight"
        if first in tensors and tensors[first].shape[1] == 3:
            tensors[first] = adapt_input_conv(1, tensors[first])
        classifier = f"{network.pretrained_cfg['classifier']}."
        kept = {key: value for key, value in tensors.items() if not key.startswith(classifier)}
    except Exception as error:  # safetensors, pickle and zipfile each raise their own
        raise PolymodalError(f"{path}: the weights cannot be read: {error}") from error
    try:
        network.load_state_dict(kept)
    except RuntimeError as error:
        raise PolymodalError(
            f"{path} does not fit timm model '{model}'; name the model that it was written for, "
            f"with the same options. {str(error)[:SHOWN]}"
        ) from None
