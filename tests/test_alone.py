"""'Install only what you need': what each distribution brings, and what it runs without."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("timm", "transformers", "torchaudio", "torchvision")
FOLDERS = {
    "polymodal-core": ["packages/core"],
    "polymodal-losses": ["packages/core", "packages/losses"],
    "polymodal-datasets": ["packages/core", "packages/datasets"],
    "polymodal-attributes": ["packages/core", "packages/losses", "packages/encoders/attributes"],
    "polymodal-fusion": ["packages/core", "packages/encoders/fusion"],
}
BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in BLOCKED or (top.startswith("polymodal_") and top not in ALLOWED):
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)
        return None
sys.meta_path.insert(0, Blocker())
"""


@cache
def requirements(folder: str) -> frozenset[str]:
    """What the wheel of a distribution asks for, extras left out."""
    with TemporaryDirectory() as out:
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", out],
            cwd=ROOT / folder,
            check=True,
            capture_output=True,
        )
        (path,) = Path(out).glob("*.whl")
        with zipfile.ZipFile(path) as wheel:
            (metadata,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
            asked = Parser().parsestr(wheel.read(metadata).decode()).get_all("Requires-Dist", [])
            assert any(name.endswith("/py.typed") for name in wheel.namelist())
    return frozenset(re.split(r"[<>=\[;! ]", item)[0] for item in asked if "extra ==" not in item)


@pytest.mark.parametrize("name", FOLDERS)
def test_metadata_asks_for_nothing_heavy(name: str) -> None:
    needed = set[str]().union(*(requirements(folder) for folder in FOLDERS[name]))
    assert not needed & set(HEAVY)
    first_party = {item for item in needed if item.startswith("polymodal-")}
    assert first_party <= {f"polymodal-{Path(folder).name}" for folder in FOLDERS[name]}


def test_losses_need_torch_alone_beside_the_core() -> None:
    assert requirements("packages/losses") <= {"polymodal-core", "torch"}


@pytest.mark.parametrize(
    ("name", "tests"),
    [
        ("polymodal-losses", ["tests/losses/test_pcmc.py"]),
        ("polymodal-datasets", ["tests/datasets/test_store.py", "tests/datasets/test_loading.py"]),
        ("polymodal-attributes", ["tests/attributes"]),
    ],
)
def test_their_tests_pass_without_the_rest(name: str, tests: list[str], tmp_path: Path) -> None:
    allowed = {f"polymodal_{Path(folder).name}" for folder in FOLDERS[name]}
    (tmp_path / "sitecustomize.py").write_text(
        f"BLOCKED = {set(HEAVY)!r}\nALLOWED = {allowed!r}\n{BLOCKER}"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    assert "timm is not installed here" in run("-c", "import timm").stderr
    done = run("-m", "pytest", "-p", "no:cacheprovider", "-x", *tests)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
