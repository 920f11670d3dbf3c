"""Gradient caching (Gao et al. 2021): the gradient of a batch that memory holds only in chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from polymodal_core.batch import Batch, Embeddings
from polymodal_core.errors import RunError
from polymodal_core.fusion import Exchange
from polymodal_core.model import Model
from polymodal_core.objective import MapsWanted
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def embed(
    model: Model,
    batch: Batch,
    exchange: Exchange | None,
    *,
    chunk_size: int | None,
    joint: bool = False,
    maps: MapsWanted | None = None,
) -> Embeddings:
    """Embed a batch, `chunk_size` rows at a time where that is given; `joint` asks for whole rows.

    `maps` asks for maps of tokens, which are not to be had in chunks: raises RunError.

    The embeddings of all chunks are one batch to the objective, and its gradient is that of the
    whole batch: memory alone is less. Chunks are embedded without a graph. When `backward` comes to
    a chunk, it is embedded again, under the random state and the autocast of the first time, so
    that dropout repeats itself, and is back-propagated into the parameters' `grad` at once: it is a
    segment of activation checkpointing. `torch.autograd.grad` cannot reach parameters so.

    An encoder's own loss is the mean over the whole batch too (`Features.auxiliary_count`). Dropout
    draws chunk by chunk: other masks than without chunks, from the same distribution.
    """
    if chunk_size is None or chunk_size >= batch.size:
        return cast("Embeddings", model(batch, exchange, joint=joint, maps=maps))
    if maps is not None:
        raise RunError(
            f"training.chunk_size = {chunk_size} embeds a batch in chunks, and maps of tokens are "
            f"not to be had so; leave chunk_size out"
        )
    chunks = [batch.part(start, start + chunk_size) for start in range(0, batch.size, chunk_size)]
    return _together([_embed_chunk(model, chunk, exchange, joint) for chunk in chunks], exchange)


def check_chunks(model: nn.Module) -> None:
    """Raise RunError where values of a batch see each other on the way to their embeddings.

    The model is in training mode: BatchNorm of frozen encoders does no harm.
    """
    found = sorted(
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.training
    )
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise RunError(
            f"training.chunk_size embeds a batch in chunks, and {', '.join(found[:3])}{more} "
            f"(BatchNorm) would normalise each by itself: the gradient would not be that of the "
            f"batch. Leave chunk_size out, freeze that encoder, or choose one without BatchNorm"
        )


def _embed_chunk(model: Model, chunk: Batch, exchange: Exchange | None, joint: bool) -> Embeddings:
    losses: list[str] = []
    present: dict[str, Tensor] = {}

    def run(switch: Tensor) -> tuple[Tensor, ...]:
        found = cast("Embeddings", model(chunk, exchange, joint=joint))
        losses[:] = found.auxiliary
        present.update(found.present)
        own = (
            mapping[name]
            for mapping in (found.auxiliary, found.auxiliary_counts)
            for name in losses
        )
        whole = () if found.joint is None else (found.joint,)
        return (*found.z.values(), *own, *whole, switch.sum())

    # Without an input that asks for a gradient there would be no backward pass. It is on the device
    # whose random state has to be kept beside the CPU's.
    switch = torch.zeros(1, device=chunk.instance.device, requires_grad=True)
    *tensors, _ = cast("tuple[Tensor, ...]", checkpoint(run, switch, use_reentrant=True))
    columns, count = model.columns, len(losses)
    z, own = tensors[: len(columns)], tensors[len(columns) :]
    values, counts, whole = own[:count], own[count : 2 * count], own[2 * count :]
    return Embeddings(
        z=dict(zip(columns, z, strict=True)),
        present=present,
        auxiliary=dict(zip(losses, values, strict=True)),
        auxiliary_counts=dict(zip(losses, counts, strict=True)),
        joint=whole[0] if whole else None,
    )


def _together(chunks: Sequence[Embeddings], exchange: Exchange | None) -> Embeddings:
    columns = chunks[0].z.keys()
    whole = [chunk.joint for chunk in chunks if chunk.joint is not None]
    auxiliary: dict[str, Tensor] = {}
    counts: dict[str, Tensor] = {}
    for column in dict.fromkeys(column for chunk in chunks for column in chunk.auxiliary):
        own = [chunk for chunk in chunks if column in chunk.auxiliary]
        counts[column] = torch.stack([chunk.auxiliary_counts[column] for chunk in own]).sum()
        sums = [chunk.auxiliary[column] * chunk.auxiliary_counts[column] for chunk in own]
        total = torch.where(counts[column] > 0, counts[column], 1)
        auxiliary[column] = torch.stack(sums).sum() / total
    return Embeddings(
        z={column: torch.cat([chunk.z[column] for chunk in chunks]) for column in columns},
        present={
            column: torch.cat([chunk.present[column] for chunk in chunks]) for column in columns
        },
        compare=None if exchange is None else exchange.compare,
        auxiliary=auxiliary,
        auxiliary_counts=counts,
        joint=torch.cat(whole) if whole else None,
    )
