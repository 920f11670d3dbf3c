"""The plug-in keeps the contract: one call per part of it."""

from __future__ import annotations

import gzip
from pathlib import Path

import acme_inertial  # type: ignore[import-not-found]
import numpy as np
import pytest
from acme_inertial import uci_har
from polymodal_core import PolymodalError
from polymodal_core.testing import check_encoder, check_importer, check_modality, check_plugin

WINDOWS = list(np.random.default_rng(0).normal(1.0, 2.0, (4, 128, 6)).astype(np.float32))


def test_modality_and_encoder() -> None:
    bad = [WINDOWS[0][:100], WINDOWS[0] * np.nan]
    modality = check_modality(acme_inertial.InertialConfig(), WINDOWS, rejects=bad)
    check_encoder(acme_inertial.ConvNetConfig(), modality, WINDOWS)


@pytest.mark.parametrize("module", ["acme_inertial", "acme_inertial.uci_har"])
def test_plugin(module: str) -> None:
    check_plugin(module)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    (tmp_path / "Inertial Signals").mkdir()
    lines = [",".join(f"{number + 0.5}" for _ in range(128)) for number in range(4)]
    for name in uci_har.SIGNALS:
        path = tmp_path / "Inertial Signals" / f"{name}.csv.gz"
        path.write_bytes(gzip.compress("\n".join(lines).encode()))
    (tmp_path / "y.csv").write_text("2\n1\n2\n7\n")
    (tmp_path / "subject.csv").write_text("4\n4\n8\n9\n")
    (tmp_path / "activity_labels.txt").write_text("1 WALKING\n2 WALKING_UPSTAIRS\n")
    return tmp_path


def test_importer(raw: Path) -> None:
    config = uci_har.UCIHARConfig(root=raw, test=(8,))
    check_importer(config)
    *rows, bad = config.build().rows()
    assert [row.label for row in rows] == ["walking upstairs", "walking", "walking upstairs"]
    assert [row.split for row in rows] == ["train", "train", "test"]
    assert rows[0].items["text"] == rows[2].items["text"]
    assert rows[1].items["inertial"].value.shape == (128, 6)
    assert rows[1].items["inertial"].value[5, 3] == 1.5
    assert bad.origin == "y.csv:4"
    assert "label 7" in bad.message


def test_every_third_subject_is_held_out(raw: Path) -> None:
    splits = [getattr(row, "split", None) for row in uci_har.UCIHARConfig(root=raw).build().rows()]
    assert splits == ["train", "train", "train", None]  # subject 9, the third, has the bad row
    assert uci_har.UCIHARConfig(root=raw).build().test == (9,)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("y.csv", "1\n", "1 labels, 4 subjects"),
        ("subject.csv", "x\n", "cannot be read as numbers"),
        ("activity_labels.txt", "WALKING\n", "wanted lines such as"),
    ],
)
def test_bad_files_are_named(raw: Path, name: str, text: str, message: str) -> None:
    (raw / name).write_text(text)
    with pytest.raises(PolymodalError, match=message):
        uci_har.UCIHARConfig(root=raw).build()


def test_signals_of_another_length_are_refused(raw: Path) -> None:
    signal = raw / "Inertial Signals" / "total_acc_x.csv.gz"
    signal.write_bytes(gzip.compress(",".join(["0.5"] * 128).encode() + b"\n"))
    with pytest.raises(PolymodalError, match="total_acc_x"):
        list(uci_har.UCIHARConfig(root=raw).build().rows())


def test_original_files(shared_data: Path) -> None:
    importer = uci_har.UCIHARConfig(root=shared_data / "uci_har").build()
    rows = list(importer.rows())
    assert len(rows) == 1918
    assert importer.test == (9, 18)
    assert {row.label for row in rows} == {
        "walking",
        "walking upstairs",
        "walking downstairs",
        "sitting",
        "standing",
        "laying",
    }
