"""A third party's distribution, built and installed: packed, trained and evaluated by the apps."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.apps import run_app

HERE = Path(__file__).parent
RECIPE = """
seed = 0
[data]
store = "har"
validation_size = 0.2
batch_size = 32
[embedding]
dim = 32
[modalities.inertial]
[modalities.text]
vocabulary = 300
encoder = { kind = "transformer", width = 32, layers = 1 }
[objective]
kind = "pcmc"
groups = "label"
[training]
epochs = 6
lr_heads = 3e-3
lr_backbones = 3e-3
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder into which both distributions are built and installed."""
    target = tmp_path_factory.mktemp("site")
    sources = tmp_path_factory.mktemp("sources")
    for name in ("plugin_example", "plugin_broken"):
        shutil.copytree(HERE / name, sources / name)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
            *("--no-build-isolation", "--disable-pip-version-check", "--target", str(target)),
            *(str(sources / "plugin_example"), str(sources / "plugin_broken")),
        ],
        check=True,
        capture_output=True,
    )
    return target


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Windows of three activities by three people, in the layout of UCI HAR."""
    root = tmp_path_factory.mktemp("uci_har")
    (root / "Inertial Signals").mkdir()
    rng = np.random.default_rng(0)
    activity = np.arange(180) % 3
    time = np.linspace(0, 2.56, 128)
    for channel in range(6):
        sensor, axis = ("total_acc", "body_gyro")[channel // 3], "xyz"[channel % 3]
        phase = rng.uniform(0, 6.3, (180, 1))
        signal = np.sin(2 * np.pi * (1 + 2 * activity[:, None]) * time + phase)
        signal += rng.normal(0, 0.3, signal.shape)
        with gzip.open(root / f"Inertial Signals/{sensor}_{axis}.csv.gz", "wt") as file:
            np.savetxt(file, signal, fmt="%.4f", delimiter=",")
    (root / "y.csv").write_text("".join(f"{number + 1}\n" for number in activity))
    (root / "subject.csv").write_text("".join(f"{1 + row // 60}\n" for row in range(180)))
    (root / "activity_labels.txt").write_text("1 WALKING\n2 SITTING_DOWN\n3 RUNNING\n")
    return root


def test_a_new_modality_goes_the_whole_way(installed: Path, raw: Path, tmp_path: Path) -> None:
    (tmp_path / "har.toml").write_text(RECIPE)
    run_app(
        *("polymodal-pack", "uci_har", "--root", str(raw), "--out", "har"),
        cwd=tmp_path,
        path=installed,
    )
    run_app("polymodal-train", "run", "har.toml", cwd=tmp_path, path=installed)
    shown = run_app("polymodal-evaluate", "run", "runs/har", cwd=tmp_path, path=installed)
    assert "inertial" in shown.stdout
    report = json.loads((tmp_path / "runs/har/report.json").read_text())
    assert (tmp_path / "runs/har/report.html").stat().st_size > 10_000
    assert (tmp_path / "runs/har/queries.parquet").is_file()
    found = {
        (item["query"], item["gallery"]): item["estimates"]["r@1"]
        for item in report["tasks"][0]["measurements"]
    }
    assert found["inertial", "text"]["value"] > 0.8
    assert found["inertial", "text"]["chance"] < 0.34


def test_a_broken_plug_in_harms_nobody(installed: Path, tmp_path: Path) -> None:
    listed = run_app(
        *("python", "-m", "polymodal_core.plugins"), cwd=tmp_path, path=installed, status=1
    )
    assert "inertial/convnet" in listed.stdout
    assert "BROKEN" in listed.stdout
    assert "acme-broken" in listed.stdout
    checked = run_app("polymodal-train", "check", "rooms", cwd=tmp_path, path=installed)
    assert "[modalities.image]" in checked.stdout


def test_without_the_plug_in_the_message_names_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "har.toml").write_text(RECIPE)
    done = run_app("polymodal-train", "check", "har.toml", cwd=tmp_path, status=2)
    assert "no modality 'inertial' is installed" in done.stderr


def test_the_module_is_short() -> None:
    lines = (HERE / "plugin_example/src/acme_inertial/__init__.py").read_text().splitlines()
    assert len(lines) < 100
