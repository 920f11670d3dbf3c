"""The package as a user meets it: light to import, usable alone, README true."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import polymodal_losses
import pytest

README = Path(__file__).parents[2] / "packages" / "losses" / "README.md"

# Modules that polymodal-losses must work without: other extras, and every sibling package.
FOREIGN = (
    "timm", "transformers", "torchaudio", "torchvision", "lmdb", "sklearn", "pandas", "pyarrow",
    "polymodal_datasets", "polymodal_eval", "polymodal_image", "polymodal_text", "polymodal_train",
)  # fmt: skip


def run_alone(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter where none of FOREIGN can be imported."""
    blocked = "".join(f"sys.modules[{name!r}] = None\n" for name in FOREIGN)
    return subprocess.run(
        [sys.executable, "-c", f"import sys\n{blocked}{code}"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_public_names() -> None:
    assert sorted(polymodal_losses.__all__) == [
        "Classification",
        "Distillation",
        "DomainAdversarial",
        "InfoNCE",
        "KLDivergence",
        "LossOutput",
        "MMD",
        "PCMC",
        "PCMR",
        "Segmentation",
        "SigLIP",
        "Sum",
        "Trimodal",
    ]
    assert set(polymodal_losses.__all__) <= set(dir(polymodal_losses))
    assert all(hasattr(polymodal_losses, name) for name in polymodal_losses.__all__)
    with pytest.raises(AttributeError, match="'polymodal_losses' has no attribute 'PCMD'"):
        _ = polymodal_losses.PCMD


def test_importing_the_package_is_light() -> None:
    done = run_alone("import polymodal_losses\nsys.exit('torch' in sys.modules)")
    assert done.returncode == 0, done.stderr


def test_every_objective_works_without_any_sibling_or_extra() -> None:
    code = """
import torch
from polymodal_losses import PCMC, PCMR, InfoNCE
z = {name: torch.nn.functional.normalize(torch.randn(8, 4), dim=-1) for name in ("a", "b")}
for loss in (PCMC(), InfoNCE(), PCMC(form="tiled"), PCMR(), PCMR(form="tiled")):
    assert loss(z).total.item() > 0
"""
    done = run_alone(code)
    assert done.returncode == 0, done.stderr


def test_the_distribution_needs_core_and_nothing_that_core_does_not() -> None:
    names = {re.split(r"[^\w.-]", line)[0] for line in requires("polymodal-losses") or []}
    assert "polymodal-core" in names
    assert names <= {"polymodal-core", "torch", "pydantic", "pluggy"}


def test_the_code_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, str(README), "exec"), {})
    assert "('image', 'text')" in capsys.readouterr().out
