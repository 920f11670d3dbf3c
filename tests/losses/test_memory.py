"""No form but the direct one stores a matrix [batch, batch], measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Not ru_maxrss: on Linux a child's begins at the peak of the process that started it, here pytest.
BATCH = 4096  # one matrix [batch, batch] of float32 takes 64 MiB

CODE = f"""
from pathlib import Path
import torch
from polymodal_losses import PCMC, PCMR

def columns(batch):
    generator = torch.Generator().manual_seed(0)
    z = {{n: torch.randn(batch, 16, generator=generator) for n in ("image", "speech")}}
    return {{n: torch.nn.functional.normalize(v, dim=-1).requires_grad_() for n, v in z.items()}}

def present(batch):
    return {{"speech": torch.arange(batch) % 7 > 0}}

def memory(field):
    return int(Path("/proc/self/status").read_text().split(field)[1].split()[0]) / 1024

def grown_by(step):
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew at what is in use
    before = memory("VmRSS:")
    step()
    return round(memory("VmHWM:") - before)

losses = {{
    "pcmc": PCMC(form="tiled"),
    "pcmc bfloat16": PCMC(form="tiled", matmul_dtype="bfloat16"),
    "pcmc sharp": PCMC(0.0005, learnable=False, form="tiled"),
    "frobenius": PCMR("frobenius", form="tiled"),
    "frobenius embeddings": PCMR("frobenius", "embeddings", form="tiled"),
    "elementwise": PCMR("elementwise", form="tiled"),
}}
z, small, ids = columns({BATCH}), columns(300), torch.arange({BATCH}) // 3
for loss in losses.values():
    loss(small, present=present(300)).total.backward()  # libraries load before the measurement
for name, loss in losses.items():
    groups = None if "embeddings" in name else ids
    step = lambda: loss(z, present=present({BATCH}), groups=groups).total.backward()
    print(name, grown_by(step), sep=",")
print("direct", grown_by(lambda: PCMC(form="direct")(z).total.backward()), sep=",")
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux counts this memory")
def test_memory_stays_below_one_matrix_of_the_batch() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown = {
        name: int(value)
        for name, value in (line.split(",") for line in done.stdout.split("\n") if line)
    }
    assert grown.pop("direct") > 100  # the measurement sees such matrices
    assert len(grown) == 6
    assert all(value < 40 for value in grown.values()), grown
