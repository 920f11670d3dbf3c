"""Objectives against the way they are usually computed: time as ratios, memory in fresh processes.

PCMC against open_clip's ClipLoss called once a pair, where open_clip is installed, else against the
same few lines written here; PCMR against its direct form. Forward and backward, 256 dimensions.
Times are the least of several interleaved runs. Memory is what the peak of a fresh process grows by
beyond its imports, inputs and the inputs' gradients.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

DIM = 256
SCALE = 50.0
VARIANTS = ("usual", "tiled", "tiled bfloat16")


def main(*, quick: bool = False) -> None:
    """Print the tables; `quick` keeps to small batches."""
    import torch

    batches = (512, 1024) if quick else (1024, 4096, 16384)
    runs = 2 if quick else 3
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, "
        f"{torch.backends.cpu.get_cpu_capability()}, bfloat16 products "
        f"{_bfloat16_speed():.1f} times as fast as float32"
    )
    baseline = (
        "open_clip's ClipLoss" if find_spec("open_clip") else "a plain reference (no open_clip)"
    )
    print(f"\nPCMC against {baseline}, a call a pair")
    print(f"{'M':>2} {'batch':>6} {'usual ms':>9} {'float32':>8} {'bfloat16':>8}   peak MB (ratio)")
    for columns in (2, 4):
        for batch in batches:
            _pcmc_row(columns, batch, runs=runs, heavy=columns * batch > 40_000)
    print("\nPCMR, frobenius: tiled against direct")
    print(f"{'M':>2} {'batch':>6} {'target':>10} {'direct ms':>9} {'tiled':>7}   peak MB (ratio)")
    for columns in (2, 4):
        for batch in (1024,) if quick else (4096, 16384):
            for target in ("groups", "embeddings"):
                _pcmr_row(columns, batch, target, runs=runs, heavy=columns * batch > 40_000)
    _pcmr_growth((2048, 4096) if quick else (32768, 65536))


def _pcmc_row(columns: int, batch: int, *, runs: int, heavy: bool) -> None:
    made = _inputs(columns, batch)
    steps = {variant: _pcmc_step(variant, made) for variant in VARIANTS}
    if heavy:  # stores a dozen GB or more the usual way: one run, in a process of its own
        usual = _measured("pcmc", columns, batch, "usual")
        times = {"usual": usual["seconds"]} | _least(_without(steps, "usual"), 2)
    else:
        usual = _measured("pcmc", columns, batch, "usual")
        times = _least(steps, runs)
    peaks = [_measured("pcmc", columns, batch, variant)["peak_mb"] for variant in VARIANTS[1:]]
    shown = " / ".join(f"{peak:.0f} ({_ratio(usual['peak_mb'] / peak)})" for peak in peaks)
    ratios = [_ratio(times["usual"] / times[variant]) for variant in VARIANTS[1:]]
    print(
        f"{columns:>2} {batch:>6} {1e3 * times['usual']:>9.0f} {ratios[0]:>8} {ratios[1]:>8}   "
        f"{usual['peak_mb']:.0f} / {shown}",
        flush=True,
    )


def _pcmr_row(columns: int, batch: int, target: str, *, runs: int, heavy: bool) -> None:
    made = _inputs(columns, batch)
    steps = {form: _pcmr_step(form, target, made) for form in ("direct", "tiled")}
    direct = _measured(f"pcmr-{target}", columns, batch, "direct")
    tiled = _measured(f"pcmr-{target}", columns, batch, "tiled")
    if heavy:
        times = {"direct": direct["seconds"]} | _least(_without(steps, "direct"), 2)
    else:
        times = _least(steps, runs)
    print(
        f"{columns:>2} {batch:>6} {target:>10} {1e3 * times['direct']:>9.0f} "
        f"{_ratio(times['direct'] / times['tiled']):>7}   {direct['peak_mb']:.0f} / "
        f"{tiled['peak_mb']:.0f} ({_ratio(direct['peak_mb'] / tiled['peak_mb'])})",
        flush=True,
    )


def _pcmr_growth(batches: tuple[int, int]) -> None:
    print("\nPCMR, frobenius, target groups, M = 4: growth with the batch")
    times = []
    for batch in batches:
        step = _pcmr_step("tiled", "groups", _inputs(4, batch))
        times.append(_least({"tiled": step}, 3)["tiled"])
        peak = _measured("pcmr-groups", 4, batch, "tiled")["peak_mb"]
        print(f"{batch:>9} {1e3 * times[-1]:>9.0f} ms   peak {peak:.0f} MB", flush=True)
    print(f"twice the batch takes {_ratio(times[1] / times[0])} as long (goal: at most 2.2x)")


def _inputs(columns: int, batch: int) -> dict[str, Tensor]:
    import torch

    generator = torch.Generator().manual_seed(0)
    made = {}
    for column in range(columns):
        z = torch.randn(batch, DIM, generator=generator)
        made[f"m{column}"] = torch.nn.functional.normalize(z, dim=-1).requires_grad_()
    return made


def _pcmc_step(variant: str, made: Mapping[str, Tensor]) -> Callable[[], None]:
    from polymodal_losses import PCMC

    if variant == "usual":
        return _usual_step(made)
    dtype: Any = "bfloat16" if variant == "tiled bfloat16" else None
    loss = PCMC(1 / SCALE, form="tiled", matmul_dtype=dtype)
    return partial(_forward_and_backward, loss, made, None)


def _usual_step(made: Mapping[str, Tensor]) -> Callable[[], None]:
    import torch

    scale = torch.tensor(SCALE, requires_grad=True)
    clip_loss = _clip_loss()

    def step() -> None:
        total = torch.zeros(())
        for a, b in combinations(made.values(), 2):
            total = total + clip_loss(a, b, scale)
        total.backward()

    return step


def _clip_loss() -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    import torch

    if find_spec("open_clip"):
        from open_clip.loss import ClipLoss

        return ClipLoss()  # type: ignore[no-any-return]

    def plain(a: Tensor, b: Tensor, scale: Tensor) -> Tensor:
        labels = torch.arange(len(a))
        forward, backward = scale * a @ b.T, scale * b @ a.T
        entropy = torch.nn.functional.cross_entropy
        return (entropy(forward, labels) + entropy(backward, labels)) / 2

    return plain


def _pcmr_step(form: Any, target: Any, made: Mapping[str, Tensor]) -> Callable[[], None]:
    import torch
    from polymodal_losses import PCMR

    loss = PCMR("frobenius", target, form=form)
    batch = len(next(iter(made.values())))
    groups = torch.arange(batch) // 5 if target == "groups" else None
    return partial(_forward_and_backward, loss, made, groups)


def _forward_and_backward(loss: Any, made: Mapping[str, Tensor], groups: Tensor | None) -> None:
    loss(made, groups=groups).total.backward()


def _least(steps: Mapping[str, Callable[[], None]], runs: int) -> dict[str, float]:
    """Give each step's least seconds of several runs, one after another in turn."""
    least = dict.fromkeys(steps, float("inf"))
    for run in range(runs + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if run > 0:  # the first one loads libraries and faults memory in
                least[name] = min(least[name], time.perf_counter() - start)
    return least


def _measured(kind: str, columns: int, batch: int, variant: str) -> dict[str, float]:
    """Run one step in a fresh process: its seconds, and the growth of its peak memory in MB."""
    arguments = [sys.executable, __file__, kind, str(columns), str(batch), variant]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"seconds": float("nan"), "peak_mb": float("nan")}
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _one_step() -> None:
    import torch

    parser = argparse.ArgumentParser()
    for name, kind in (("kind", str), ("columns", int), ("batch", int), ("variant", str)):
        parser.add_argument(name, type=kind)
    options = parser.parse_args()

    def step_of(made: Mapping[str, Tensor]) -> Callable[[], None]:
        if options.kind == "pcmc":
            return _pcmc_step(options.variant, made)
        return _pcmr_step(options.variant, options.kind.removeprefix("pcmr-"), made)

    step_of(_inputs(options.columns, 64))()  # loads libraries
    made = _inputs(options.columns, options.batch)
    for z in made.values():
        z.grad = torch.ones_like(z)
    before = _peak_mb()
    step, start = step_of(made), time.perf_counter()
    step()
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak_mb": max(_peak_mb() - before, 1.0)}))


def _peak_mb() -> float:
    # Not ru_maxrss: on Linux a child's begins at the peak of the process that started it.
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _bfloat16_speed() -> float:
    import torch

    left, right = torch.randn(512, DIM), torch.randn(4096, DIM)
    low = left.bfloat16(), right.bfloat16()
    times = _least({"float32": lambda: left @ right.T, "bfloat16": lambda: low[0] @ low[1].T}, 8)  # type: ignore[dict-item]
    return times["float32"] / times["bfloat16"]


def _without(steps: Mapping[str, Callable[[], None]], name: str) -> dict[str, Callable[[], None]]:
    return {key: step for key, step in steps.items() if key != name}


def _ratio(value: float) -> str:
    return f"{value:.1f}x"


if __name__ == "__main__":
    _one_step()
