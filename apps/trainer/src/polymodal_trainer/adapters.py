"""Whether adapters take part: some networks read the weights of their layers past them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from polymodal_core.errors import RunError
from polymodal_core.lora import adapters
from polymodal_core.model import Model
from torch import nn

SHOWN = 4


@contextmanager
def check_adapters(model: Model) -> Iterator[None]:
    """Watch the forward passes within; raise RunError for an adapter that is passed by.

    An encoder that none of them runs is not judged. Such an adapter would never learn anything,
    and nobody would be told: WavLM's attention, for one, hands the weights of its layers to a
    fused function instead of calling the layers.
    """
    called: set[nn.Module] = set()
    encoders = model.adapted_encoders()
    watched = [
        *encoders.values(),
        *(item for encoder in encoders.values() for _, item in adapters(encoder)),
    ]
    hooks = [item.register_forward_hook(lambda item, *_: called.add(item)) for item in watched]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    for column, encoder in encoders.items():
        missed = [name for name, item in adapters(encoder) if item not in called]
        if encoder in called and missed:
            layers = list(dict.fromkeys(name.partition(".lora_")[0] for name in missed))
            more = f" and {len(layers) - SHOWN} more" if len(layers) > SHOWN else ""
            raise RunError(
                f"modalities.{column}.encoder: the network reads the weights of "
                f"{', '.join(layers[:SHOWN])}{more} without calling these layers, so that their "
                f"adapters would never learn; name other layers in lora.targets"
            )
