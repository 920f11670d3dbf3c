"""Low-rank adapters (LoRA) inside an encoder whose own weights stay as they are, through peft."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from torch import nn

from polymodal_core.errors import PolymodalError

if TYPE_CHECKING:
    from polymodal_core.config import LoRAConfig

ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)
ADAPTER = "lora_"
"""What peft's names of adapters begin with: `lora_A`, `lora_B`, `lora_dropout`."""
SHOWN = 8


def add_adapters(module: nn.Module, config: LoRAConfig, *, column: str) -> None:
    """Put an adapter of low rank beside every targeted layer of `module`, in place.

    A layer with weights W then computes W x + alpha / rank * B A x, where A [rank, in] is random
    and B [out, rank] is 0, so that training starts from what the module gave before (Hu et al.
    2022, section 4.1). Raises PolymodalError where peft is missing and where no layer matches.
    """
    try:
        import peft
    except ImportError as error:
        raise PolymodalError(
            f'modalities.{column}.encoder: tuning = "lora" needs peft, which cannot be imported '
            f'({error}); install it with `python -m pip install peft`, or set tuning = "frozen" '
            f'or "full"'
        ) from error
    names = target_layers(module, config.targets, column=column)
    wanted = "|".join(re.escape(name) for name in names)  # peft takes a text as an expression
    options = peft.LoraConfig(
        r=config.rank, lora_alpha=config.alpha, lora_dropout=config.dropout, target_modules=wanted
    )
    try:
        peft.inject_adapter_in_model(options, module)
    except (ValueError, TypeError) as error:
        raise PolymodalError(f"modalities.{column}.encoder.lora: {error}") from error


def target_layers(
    module: nn.Module, targets: tuple[str, ...] | None, *, column: str = "?"
) -> list[str]:
    """Give the names of the layers that get an adapter.

    `targets` are names or their ends ("query", "attn.qkv"). Without them: the linear layers of
    attention; in a network without any, all linear layers and all convolutions but depthwise ones.
    Raises PolymodalError that lists candidates where nothing matches.
    """
    candidates = dict(_candidates(module))
    if targets is None:
        attention = [
            name
            for name, layer in candidates.items()
            if isinstance(layer, nn.Linear) and ATTENTION.search(name)
        ]
        found = attention or list(candidates)
        if found:
            return found
        raise PolymodalError(
            f"modalities.{column}.encoder: {type(module).__name__} has neither linear layers nor "
            f'convolutions that LoRA could adapt; set tuning = "full" or "frozen"'
        )
    unmatched = [item for item in targets if not any(_is(name, item) for name in candidates)]
    if unmatched:
        ends = list(dict.fromkeys(re.sub(r"^(.*\.)?\d+\.", "", name) for name in candidates))
        more = f" and {len(ends) - SHOWN} more" if len(ends) > SHOWN else ""
        raise PolymodalError(
            f"modalities.{column}.encoder.lora.targets: no linear layer or convolution is named "
            f"{' or '.join(map(repr, unmatched))}; there are {', '.join(ends[:SHOWN]) or 'none'}"
            f"{more}. Give names or their ends, or leave targets out"
        )
    return [name for name in candidates if any(_is(name, item) for item in targets)]


def is_adapter(name: str) -> bool:
    """Say whether a parameter or module of this dotted name belongs to an adapter."""
    return any(part.startswith(ADAPTER) for part in name.split("."))


def adapters(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers that adapters are made of, by name: a forward pass has to call them all."""
    for name, item in module.named_modules():
        if is_adapter(name) and any(True for _ in item.parameters(recurse=False)):
            yield name, item


def set_adapter_mode(module: nn.Module, *, training: bool) -> None:
    """Put the adapters into training mode, and everything else of `module` into eval mode."""
    module.eval()
    for name, item in module.named_modules():
        if is_adapter(name):
            item.train(training)


def _is(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")


def _candidates(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    # nn.MultiheadAttention reads the weights of its layers itself: an adapter there is never asked.
    inside = {
        id(part)
        for item in module.modules()
        if isinstance(item, nn.MultiheadAttention)
        for part in item.modules()
    }
    for name, item in module.named_modules():
        dense: Any = item
        if not name or id(item) in inside:
            continue
        if isinstance(item, nn.Linear) or (
            isinstance(item, nn.Conv1d | nn.Conv2d | nn.Conv3d) and dense.groups == 1
        ):
            yield name, item
