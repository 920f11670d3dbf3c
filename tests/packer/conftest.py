"""The app, run in this process on made-up importers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from polymodal_packer import catalogue, importer_command, packing, picture
from polymodal_packer.cli import main

from .fakes import packer_registry


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the app in an empty folder: gives exit code, standard output and error."""
    for module in (catalogue, importer_command, packing, picture):
        monkeypatch.setattr(module, "registry", packer_registry)
    monkeypatch.chdir(tmp_path)

    def run_app(*arguments: str) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        captured = capsys.readouterr()
        code = stopped.value.code
        return Done(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run_app
