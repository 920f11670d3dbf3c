"""Import directions, read from the sources: who may import whom, and what stays light."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "core": set(),
    "losses": {"core"},
    "datasets": {"core"},
    "eval": {"core"},
    "image": {"core"},
    "text": {"core"},
    "depth": {"core"},
    "attributes": {"core"},
    "prototypes": {"core"},
    "speech": {"core"},
    "segmentation": {"core"},
    "fusion": {"core"},
    "packer": {"core", "datasets"},
    "trainer": {"core", "datasets", "eval"},
    "evaluator": {"core", "datasets", "eval"},
}
PROJECTS = sorted(
    path.parent
    for path in ROOT.glob("*/**/pyproject.toml")
    if "src" in {item.name for item in path.parent.iterdir()}
    and path.relative_to(ROOT).parts[0] in {"packages", "apps"}
)


def imports(path: Path, *, top_level: bool = False) -> Iterator[tuple[int, str]]:
    """Yield line and full module name of every import, those under TYPE_CHECKING too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes: list[ast.AST] = list(tree.body) if top_level else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.lineno, node.module


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_first_party_imports_follow_the_design(project: Path) -> None:
    (package,) = (project / "src").iterdir()
    name = package.name.removeprefix("polymodal_")
    allowed = {f"polymodal_{item}" for item in {name, *MAY_IMPORT[name]}}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in package.rglob("*.py")
        for line, module in imports(path)
        if module.startswith("polymodal_") and module.split(".")[0] not in allowed
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_every_first_party_import_is_a_declared_dependency(project: Path) -> None:
    metadata = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    declared = {re.split(r"[<>=\[ ]", item)[0] for item in metadata["project"]["dependencies"]}
    (package,) = (project / "src").iterdir()
    needed = {
        module.split(".")[0].replace("_", "-")
        for path in package.rglob("*.py")
        for _, module in imports(path)
        if module.startswith("polymodal_") and not module.startswith(package.name)
    }
    assert needed <= declared


@pytest.mark.parametrize(
    "path",
    sorted(path for project in PROJECTS for path in (project / "src").rglob("plugin.py")),
    ids=lambda path: path.parent.name,
)
def test_plugin_modules_import_nothing_heavy(path: Path) -> None:
    heavy = {"torch", "timm", "transformers", "torchvision", "torchaudio", "tokenizers", "sklearn"}
    found = {module.split(".")[0] for _, module in imports(path, top_level=True)} & heavy
    assert not found


def test_nobody_outside_core_is_missing_from_the_table() -> None:
    assert {project.joinpath("src").iterdir().__next__().name for project in PROJECTS} == {
        f"polymodal_{name}" for name in MAY_IMPORT
    }
