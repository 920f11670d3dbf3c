"""No form but the direct one stores a matrix [batch, batch], measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys

BATCH = 4096  # one matrix [batch, batch] of float32 takes 64 MiB

CODE = f"""
import resource
import torch
from polymodal_losses import PCMC, PCMR

def columns(batch):
    generator = torch.Generator().manual_seed(0)
    z = {{n: torch.randn(batch, 16, generator=generator) for n in ("image", "speech")}}
    return {{n: torch.nn.functional.normalize(v, dim=-1).requires_grad_() for n, v in z.items()}}

def present(batch):
    return {{"speech": torch.arange(batch) % 7 > 0}}

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

losses = {{
    "pcmc": PCMC(form="tiled"),
    "pcmc bfloat16": PCMC(form="tiled", matmul_dtype="bfloat16"),
    "pcmc sharp": PCMC(0.0005, learnable=False, form="tiled"),
    "frobenius": PCMR(form="tiled"),
    "frobenius embeddings": PCMR(target="embeddings", form="tiled"),
    "elementwise": PCMR("elementwise", form="tiled"),
}}
z, small, ids = columns({BATCH}), columns(300), torch.arange({BATCH}) // 3
for loss in losses.values():
    loss(small, present=present(300)).total.backward()  # libraries load before the measurement
for name, loss in losses.items():
    groups = None if "embeddings" in name else ids
    before = peak()
    loss(z, present=present({BATCH}), groups=groups).total.backward()
    print(name, round(peak() - before), sep=",")
before = peak()
PCMC(form="direct")(z).total.backward()
print("direct", round(peak() - before), sep=",")
"""


def test_memory_stays_below_one_matrix_of_the_batch() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown = {
        name: int(value)
        for name, value in (line.split(",") for line in done.stdout.split("\n") if line)
    }
    assert grown.pop("direct") > 100  # the measurement sees such matrices
    assert len(grown) == 6
    # What one loss took and gave back hides as much of the next one's growth: together they count.
    assert sum(grown.values()) < 45, grown
