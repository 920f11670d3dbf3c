"""Fusion: operations counted from 2 to 8 columns, and seconds of a forward and backward pass."""

from __future__ import annotations

from collections.abc import Callable

import torch
from polymodal_core.batch import Features
from polymodal_fusion.exchange import Form
from polymodal_fusion.multi_stream import MultiStream
from side_by_side import medians

LENGTH, DIM = 49, 128
FORMS: tuple[Form, ...] = ("bottleneck", "pairwise")


def main(*, quick: bool = False) -> None:
    """Print what each further column adds, in the bottleneck form and in the pairwise one."""
    rows, width = (8, 64) if quick else (16, 128)
    print(f"{rows} rows, {LENGTH} tokens of width {width} a column, 2 layers and 1 shared block")
    print(f"{'columns':>8} {'M multiply-adds a row':>30} {'seconds, both ways':>30}")
    print(f"{'':8} " + " ".join(f"{form:>14}" for form in (*FORMS, *FORMS)))
    for count in range(2, 9):
        columns = {f"column{number}": DIM for number in range(count)}
        fusions = {str(form): build(columns, width, form) for form in FORMS}
        steps = {form: step(fusion, columns, rows) for form, fusion in fusions.items()}
        seconds = medians(steps, rounds=3)
        lengths = dict.fromkeys(columns, LENGTH)
        counted = [fusion.operations(lengths) / 1e6 for fusion in fusions.values()]
        cells = [f"{number:14.1f}" for number in counted]
        cells += [f"{value:14.3f}" for value in seconds.values()]
        print(f"{count:8} " + " ".join(cells))


def build(columns: dict[str, int], width: int, form: Form) -> MultiStream:
    """Build a small fusion of a form."""
    torch.manual_seed(0)
    return MultiStream(columns, width=width, heads=4, layers=2, shared_layers=1, form=form)


def step(fusion: MultiStream, columns: dict[str, int], rows: int) -> Callable[[], None]:
    """Make a forward and backward pass over rows that have every column."""
    features = {
        column: Features(torch.randn(rows, dim), torch.randn(rows, LENGTH, dim))
        for column, dim in columns.items()
    }
    places = dict.fromkeys(columns, torch.arange(rows))

    def run() -> None:
        fusion.zero_grad()
        found = fusion(features, places, size=rows).features
        torch.stack([value.square().sum() for value in found.values()]).sum().backward()

    return run
