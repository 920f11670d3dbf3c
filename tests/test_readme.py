"""What the README says can be typed as it stands, and every file that a page points at is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.apps import run_app

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(
    path
    for folder in ("*.md", "docs/*.md", "packages/**/*.md", "apps/*/*.md", "examples/*/*.md")
    for path in ROOT.glob(folder)
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def own_data(tmp_path: Path) -> Path:
    """The folder of the section about one's own data: its two files, and a table like its own."""
    for block in blocks("toml"):
        (tmp_path / block.split()[1]).write_text(block)
    photos = tmp_path / "raw" / "photos"
    photos.mkdir(parents=True)
    lines = ["sku,category,part,title"]
    rng = np.random.default_rng(0)
    for sku in range(40):
        pixels = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(photos / f"{sku}.jpg")
        title = "" if sku == 3 else f"product {sku}"
        lines.append(f"{sku},{'ab'[sku % 2]},{'test' if sku < 8 else 'train'},{title}")
    (tmp_path / "raw" / "products.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def commands(program: str) -> list[list[str]]:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    return [
        line.removeprefix("$ ").partition("#")[0].split()
        for line in lines
        if line.startswith(f"$ {program}")
    ]


def test_own_data_are_packed_and_their_recipe_fits(own_data: Path) -> None:
    (pack,) = commands("polymodal-pack")
    said = run_app(*pack, cwd=own_data).stdout
    assert "40 rows of 40 photo, 39 title" in said
    for command in ("info", "verify", "show"):
        run_app("polymodal-pack", command, "data/products", cwd=own_data)
    checked = run_app("polymodal-train", "check", "my.toml", cwd=own_data).stdout
    assert "[modalities.title]" in checked
    (train,) = commands("polymodal-train")
    assert train == ["polymodal-train", "run", "my.toml"]
    assert commands("polymodal-evaluate") == [["polymodal-evaluate", "run", "runs/my"]]


def test_the_objective_runs_in_a_loop_of_ones_own() -> None:
    (example,) = blocks("python")
    given = """
import torch
from torch.nn.functional import normalize
zi, zt, zd = (normalize(torch.randn(8, 4)).requires_grad_() for _ in range(3))
pi, pt, pd = (torch.arange(8) % 3 != column for column in range(3))
ids = torch.arange(8) // 2
"""
    done = subprocess.run(
        [sys.executable, "-c", f"{given}{example}\nassert zi.grad.abs().sum() > 0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_the_programs_and_targets_that_are_named_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^\$ make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
