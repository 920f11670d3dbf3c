"""Random features of columns, with and without tokens, of rows that lack some of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from polymodal_core.batch import Features
from polymodal_fusion.concatenation import Concatenation
from polymodal_fusion.multi_stream import MultiStream
from torch import Tensor

DIMS = {"image": 10, "values": 7, "depth": 6}
"""Feature widths; `values` is a name that modules have attributes of."""

SMALL: dict[str, Any] = {"width": 16, "heads": 4, "layers": 2, "shared_layers": 1, "bottleneck": 3}


def kinds() -> dict[str, Any]:
    """Builders of small fusions of every kind and form, from feature widths and options."""

    def stream(**own: Any) -> Any:
        return lambda dims, **options: MultiStream(dims, **{**SMALL, **own, **options})

    return {
        "bottleneck": stream(),
        "pairwise": stream(form="pairwise"),
        "reliability": stream(reliability=True),
        "no_shared": stream(shared_layers=0),
        "early": stream(form="pairwise", layers=0, shared_layers=2),
        "concatenation": lambda dims, **options: Concatenation(dims, width=16, **options),
    }


def features(
    size: int, rows: Mapping[str, list[int]] | None = None, *, seed: int = 0, tokens: bool = True
) -> tuple[dict[str, Features], dict[str, Tensor]]:
    """Draw features of the rows that have each column; `values` has no tokens."""
    generator = torch.Generator().manual_seed(seed)
    found, places = {}, {}
    for number, (column, dim) in enumerate(DIMS.items()):
        held = list(range(size)) if rows is None else rows.get(column, [])
        pooled = torch.randn(size, dim, generator=generator)
        sequence = torch.randn(size, 3 + number, dim, generator=generator)
        mask = torch.rand(size, 3 + number, generator=generator) < 0.7
        if held:
            place = torch.tensor(held)
            with_tokens = tokens and column != "values"
            found[column] = Features(
                pooled[place],
                sequence[place] if with_tokens else None,
                mask[place] if with_tokens else None,
            )
            places[column] = place
    return found, places


def moved(module: torch.nn.Module, *, seed: int = 0) -> torch.nn.Module:
    """Give a module weights that are all away from their start values, zeros among them."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return module.eval()
