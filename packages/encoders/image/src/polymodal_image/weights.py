"""Weights of a network from a local file, loaded exactly or refused."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from polymodal_core.errors import PolymodalError
from timm.models import load_state_dict
from torch import Tensor, nn

LOGGER = logging.getLogger(__name__)
SHOWN = 6


def load_local_weights(network: nn.Module, file: str, *, model: str) -> None:
    """Load a state dict into a network of timm.

    A classifier in the file is left out where the network has none, which is logged; everything
    else must fit to the last key. Raises PolymodalError that says what does not.
    """
    tensors = read_state_dict(Path(file).expanduser())
    own = network.state_dict()
    ignored = sorted(key for key in tensors.keys() - own.keys() if _of_classifier(key, network))
    if ignored:
        LOGGER.info("%s: the classifier is not used: %s", file, ", ".join(ignored))
    kept = {key: tensor for key, tensor in tensors.items() if key not in ignored}
    problems = _differences(own, kept)
    if problems:
        more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        by_rule = f" (left out by rule: {', '.join(ignored)})" if ignored else ""
        raise PolymodalError(
            f"{file} does not fit timm model '{model}', {len(problems)} keys differ: "
            f"{'; '.join(problems[:SHOWN])}{more}{by_rule}. Name the model that the file was "
            f"written for, with the same options"
        )
    network.load_state_dict(kept, strict=False)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read tensors by name from .safetensors, or from .pth without running any code in it.

    Raises PolymodalError where the file is missing, damaged, or holds something else.
    """
    if not path.is_file():
        raise PolymodalError(
            f'{path}: no such file of weights; give "random", "hub", or the path of a '
            f".safetensors or .pth file"
        )
    try:
        found = load_state_dict(str(path), weights_only=True)
    except Exception as error:  # safetensors, pickle and zipfile each raise their own
        raise PolymodalError(f"{path}: the weights cannot be read: {error}") from error
    if not isinstance(found, Mapping) or not all(isinstance(v, Tensor) for v in found.values()):
        raise PolymodalError(f"{path}: holds no state dict, that is, tensors by name")
    return dict(found)


def _of_classifier(key: str, network: Any) -> bool:
    names = (getattr(network, "pretrained_cfg", None) or {}).get("classifier") or ()
    names = (names,) if isinstance(names, str) else names
    return any(key.startswith(f"{name}.") for name in names)


def _differences(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    # Counters of batches are left alone where an older file lacks them.
    missing = {key for key in own.keys() - given.keys() if not key.endswith("num_batches_tracked")}
    return [
        *(f"missing {key}" for key in sorted(missing)),
        *(f"unexpected {key}" for key in sorted(given.keys() - own.keys())),
        *(
            f"{key} is {list(given[key].shape)}, the network has {list(own[key].shape)}"
            for key in sorted(own.keys() & given.keys())
            if own[key].shape != given[key].shape
        ),
    ]
