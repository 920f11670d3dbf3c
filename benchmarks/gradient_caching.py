"""Gradient caching: a batch of 4,096 rows in chunks, against all of it at once.

Two towers over vectors (perceptrons with dropout, so that activations are many times the
embeddings) and PCMC, forward and backward. Memory is what the peak of a fresh process grows by
beyond its imports, model, gradients and inputs; the goal is one chunk at once plus the embeddings.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

BATCH, CHUNK = 4096, 128
WIDTH, LAYERS, DIM = 1024, 8, 256
COLUMNS = ("image", "text")


def main(*, quick: bool = False) -> None:
    """Print memory and seconds; `quick` takes a smaller batch."""
    batch = 1024 if quick else BATCH
    whole = _measured(batch, batch)
    chunk = _measured(CHUNK, CHUNK)
    cached = _measured(batch, CHUNK)
    # Of each column: the embeddings, their parts by chunk, their gradients, and the tiled loss's.
    embeddings = len(COLUMNS) * batch * DIM * 4 / 1e6
    print(
        f"{len(COLUMNS)} towers of {LAYERS} layers of {WIDTH}, batch {batch:,}, chunks of {CHUNK}"
    )
    print(f"  {'the whole batch at once':34} {whole['peak_mb']:8.0f} MB {whole['seconds']:8.2f} s")
    print(f"  {'in chunks':34} {cached['peak_mb']:8.0f} MB {cached['seconds']:8.2f} s")
    print(f"  {'one chunk alone':34} {chunk['peak_mb']:8.0f} MB {chunk['seconds']:8.2f} s")
    print(f"  {'the embeddings alone':34} {embeddings:8.0f} MB")
    bound = chunk["peak_mb"] + 4 * embeddings
    print(
        f"  memory {whole['peak_mb'] / cached['peak_mb']:.1f}x less; "
        f"{cached['peak_mb'] / bound:.2f} of one chunk plus embeddings, counted four times: "
        f"themselves, by chunk, and both gradients (goal: at most 1)"
    )
    print(
        f"  time {cached['seconds'] / whole['seconds']:.2f}x "
        f"(one more forward pass: 1.33x by arithmetic)",
        flush=True,
    )


def _measured(batch: int, chunk: int) -> dict[str, float]:
    arguments = [sys.executable, __file__, str(batch), str(chunk)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _one_step() -> None:
    import torch
    from losses import _peak_mb
    from polymodal_losses import PCMC
    from polymodal_trainer.gradient_caching import embed

    parser = argparse.ArgumentParser()
    parser.add_argument("batch", type=int)
    parser.add_argument("chunk", type=int)
    options = parser.parse_args()
    model, loss = _model(), PCMC(form="tiled")

    def step(batch: int, chunk: int) -> None:
        embeddings = embed(model, made[batch], None, chunk_size=chunk)
        loss(embeddings.z, present=embeddings.present).total.backward()

    made = {rows: _batch(rows) for rows in (8, options.batch)}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    step(8, 4)  # loads libraries, of which checkpoints of chunks need more
    before, start = _peak_mb(), time.perf_counter()
    step(options.batch, options.chunk)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak_mb": max(_peak_mb() - before, 1.0)}))


def _model() -> Any:
    from polymodal_core.heads import ProjectionHead
    from polymodal_core.model import Model, PooledEncoder
    from torch import nn

    def tower() -> nn.Module:
        layers = (
            nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Dropout(0.1))
            for _ in range(LAYERS)
        )
        return PooledEncoder(nn.Sequential(*layers), feature_dim=WIDTH)

    head = {"feature_dim": WIDTH, "dim": DIM, "hidden": DIM}
    heads = {column: ProjectionHead("linear", **head) for column in COLUMNS}
    return Model({column: tower() for column in COLUMNS}, heads, dim=DIM).train()


def _batch(rows: int) -> Any:
    import torch
    from polymodal_core.batch import Batch

    every = torch.arange(rows)
    return Batch(
        inputs={column: torch.randn(rows, WIDTH) for column in COLUMNS},
        rows=dict.fromkeys(COLUMNS, every),
        instance=every,
        label=every,
        index=every,
    )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    _one_step()
