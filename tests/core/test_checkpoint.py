"""Checkpoints: exact, atomic, safe to load, and clear about what does not fit."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from polymodal_core.checkpoint import (
    STATE,
    TENSORS,
    Checkpoint,
    load_checkpoint,
    load_weights,
    save_checkpoint,
)
from polymodal_core.errors import CheckpointError
from torch import nn

CHECKPOINT = Checkpoint(
    {
        "model": {"a.weight": torch.randn(3, 4), "a/b": torch.tensor(2.5, dtype=torch.float64)},
        "optimizer": {"step": torch.tensor([3], dtype=torch.int64)},
        "rng": {"torch": torch.get_rng_state()},
    },
    {"step": 120, "name": "é", "nothing": None, "list": [1, 2.5, {"a": True}]},
)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "step-1", CHECKPOINT)
    loaded = load_checkpoint(tmp_path / "step-1")
    assert loaded.state == CHECKPOINT.state
    assert loaded.tensors.keys() == CHECKPOINT.tensors.keys()
    for group, tensors in CHECKPOINT.tensors.items():
        assert loaded.tensors[group].keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert loaded.tensors[group][name].dtype == tensor.dtype
            assert torch.equal(loaded.tensors[group][name], tensor)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["step-1"]


def test_tensors_that_share_memory_or_are_strided_are_saved(tmp_path: Path) -> None:
    table = torch.arange(12.0).reshape(3, 4)
    tensors = {"encoder": table, "decoder": table, "part": table[1], "turned": table.T}
    save_checkpoint(
        tmp_path / "tied", Checkpoint({"model": tensors, "best": {"encoder": table}}, {})
    )
    loaded = load_checkpoint(tmp_path / "tied")
    for name, tensor in tensors.items():
        assert torch.equal(loaded.tensors["model"][name], tensor)
    assert torch.equal(loaded.tensors["best"]["encoder"], table)


def test_another_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "best"
    save_checkpoint(path, CHECKPOINT)
    save_checkpoint(path, Checkpoint({"model": {"x": torch.ones(1)}}, {"step": 2}))
    assert load_checkpoint(path).state == {"step": 2}
    assert [item.name for item in tmp_path.iterdir()] == ["best"]


def test_leftovers_of_a_killed_save_do_not_matter(tmp_path: Path) -> None:
    for end in ("partial", "former"):
        (tmp_path / f".best.{end}").mkdir()
        (tmp_path / f".best.{end}" / STATE).write_text("half")
    save_checkpoint(tmp_path / "best", CHECKPOINT)
    assert [item.name for item in tmp_path.iterdir()] == ["best"]


def test_a_failing_disk_leaves_the_former_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "best"
    save_checkpoint(path, CHECKPOINT)

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(CheckpointError, match=r"best: could not write .*No space left"):
        save_checkpoint(path, Checkpoint({"model": {"x": torch.ones(1)}}, {"step": 2}))
    assert load_checkpoint(path).state == CHECKPOINT.state
    assert [item.name for item in tmp_path.iterdir()] == ["best"]


FILL = """
import resource, signal, sys, torch
from pathlib import Path
from polymodal_core.checkpoint import Checkpoint, save_checkpoint
from polymodal_core.errors import CheckpointError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    save_checkpoint(Path(sys.argv[1]), Checkpoint({"model": {"x": torch.zeros(1_000_000)}}, {}))
except CheckpointError as error:
    print(error)
"""


def test_a_disk_that_fills_up_leaves_the_former_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "best"
    save_checkpoint(path, CHECKPOINT)
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(path)], capture_output=True, text=True, check=True
    )
    assert f"{path}: could not write the checkpoint" in done.stdout
    assert load_checkpoint(path).state == CHECKPOINT.state
    assert [item.name for item in tmp_path.iterdir()] == ["best"]


@pytest.mark.parametrize("name", [TENSORS, STATE])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    save_checkpoint(tmp_path / "best", CHECKPOINT)
    (tmp_path / "best" / name).unlink()
    with pytest.raises(CheckpointError, match=rf"no checkpoint here \({name} is missing\)"):
        load_checkpoint(tmp_path / "best")


@pytest.mark.parametrize("name", [TENSORS, STATE])
@pytest.mark.parametrize("keep", [0, 10, 60])
def test_a_truncated_file_is_damaged(tmp_path: Path, name: str, keep: int) -> None:
    save_checkpoint(tmp_path / "best", CHECKPOINT)
    file = tmp_path / "best" / name
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="best: damaged checkpoint"):
        load_checkpoint(tmp_path / "best")


def test_state_that_is_not_plain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not JSON serializable"):
        save_checkpoint(tmp_path / "best", Checkpoint({}, {"object": object()}))
    assert not list(tmp_path.iterdir())


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (os.mkdir, (str(tmp_path / "sprung"),))

    save_checkpoint(tmp_path / "best", CHECKPOINT)
    (tmp_path / "best" / TENSORS).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(tmp_path / "best")
    assert not (tmp_path / "sprung").exists()


def test_files_are_readable_by_anything(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "best", CHECKPOINT)
    assert json.loads((tmp_path / "best" / STATE).read_text())["step"] == 120


def test_weights_are_loaded_exactly() -> None:
    source, target = nn.Linear(3, 2), nn.Linear(3, 2)
    load_weights(target, source.state_dict(), source="best")
    assert torch.equal(source.weight, target.weight)


def test_weights_that_do_not_fit_are_listed() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    tensors = {
        "0.weight": torch.zeros(4, 3),
        "0.bias": torch.zeros(2),
        "1.weight": torch.zeros(2, 2),
        "2.bias": torch.zeros(2),
    }
    before = model.state_dict()["0.bias"].clone()
    with pytest.raises(CheckpointError) as caught:
        load_weights(model, tensors, source="runs/a/best")
    message = str(caught.value)
    assert message.startswith("runs/a/best does not fit this model (3 differences): ")
    assert "0.weight is [4, 3], the model has [2, 3]" in message
    assert "missing 1.bias" in message
    assert "unexpected 2.bias" in message
    assert "other versions of the plug-ins" in message
    assert torch.equal(model.state_dict()["0.bias"], before)


def test_a_long_list_of_differences_is_cut() -> None:
    with pytest.raises(CheckpointError, match=r"\(20 differences\).*; \.\.\."):
        load_weights(nn.Sequential(*(nn.Linear(1, 1) for _ in range(10))), {}, source="x")
