"""Features of frozen encoders, computed once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from polymodal_core.checkpoint import load_checkpoint
from polymodal_core.errors import RunError
from polymodal_core.model import Model
from polymodal_core.run import RunFolder
from polymodal_trainer.features import CachedModality, checksum, feature_path, to_device
from polymodal_trainer.run import run

from tests.trainer.conftest import assert_same_run, lines, write_recipe
from tests.trainer.forks import fork_run, steps_logged, wait_until


@pytest.fixture
def frozen(tmp_path: Path, store: Path) -> Path:
    """A recipe whose encoders are both frozen, one of them shared by two columns."""
    old = 'encoder = { kind = "mlp", hidden = 16, dropout = 0.2 }'
    new = 'encoder = { kind = "mlp", hidden = 16, dropout = 0.2, tuning = "frozen" }'
    return write_recipe(tmp_path / "frozen.toml", store, changes={old: new})


def train(recipe: Path | str, *settings: str, out: Path | None = None, resume: bool = False) -> int:
    return run(str(recipe), settings=settings, out=out, resume=resume, quiet=True)


def test_cached_features_train_the_same_heads(frozen: Path) -> None:
    # Vectors are not augmented, so that running the encoder anew must give the same.
    train(frozen, out=Path("anew"))
    train(frozen, "training.cache_features=true", out=Path("cached"))
    losses = [[line["loss"] for line in lines(Path(out), "step")] for out in ("anew", "cached")]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    ends = [load_checkpoint(RunFolder(Path(out)).steps()[-1]) for out in ("anew", "cached")]
    for name, tensor in ends[0].tensors["model"].items():
        assert torch.allclose(tensor, ends[1].tensors["model"][name], atol=1e-4), name


def test_frozen_encoders_do_not_move(frozen: Path) -> None:
    train(frozen, "training.checkpoint_every=1", "training.keep=100", out=Path("out"))
    steps = RunFolder(Path("out")).steps()
    first, last = load_checkpoint(steps[0]).tensors, load_checkpoint(steps[-1]).tensors
    for name, tensor in first["model"].items():
        assert torch.equal(tensor, last["model"][name]) == name.startswith("encoders."), name
    assert not any(name.startswith("encoders.") for name in last["optimizer"])


def test_cached_run_is_resumed_bit_for_bit(frozen: Path) -> None:
    settings = ("training.cache_features=true", "data.modality_dropout=0.2")
    train(frozen, *settings, out=Path("unbroken"))
    child = fork_run(frozen, Path("broken"), *settings)
    wait_until(lambda: steps_logged(Path("broken")) >= 3, child)
    child.kill()
    child.join()
    train("broken", resume=True)
    assert_same_run(Path("unbroken"), Path("broken"))


def test_cache_without_a_frozen_encoder_is_refused(recipe: Path) -> None:
    with pytest.raises(RunError, match=r'cache_features = true needs .*tuning = "frozen"'):
        train(recipe, "training.cache_features=true")
    assert not Path("runs").exists()


def test_only_values_that_were_computed_are_known() -> None:
    pooled = torch.arange(6.0).reshape(3, 2)
    places = {checksum(f"{number}".encode()): number for number in range(3)}
    modality = CachedModality(None, places, pooled)  # type: ignore[arg-type]
    found = modality.collate([modality.decode(b"2"), modality.decode(b"0")])
    assert found.pooled.tolist() == [[4.0, 5.0], [0.0, 1.0]]
    with pytest.raises(RunError, match="in none of the run's rows"):
        modality.decode(b"3")


def test_to_device_keeps_the_structure() -> None:
    inputs = {"a": [torch.ones(1), (torch.zeros(2), "text")]}
    moved = to_device(inputs, torch.device("meta"))
    assert moved["a"][0].device.type == "meta"
    assert moved["a"][1][0].device.type == "meta"
    assert moved["a"][1][1] == "text"


def test_a_second_run_computes_nothing_anew(
    frozen: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(frozen, "training.cache_features=true", out=Path("first"))
    assert feature_path(store).is_dir()
    monkeypatch.setattr(Model, "frozen_features", _refuse)
    train(frozen, "training.cache_features=true", out=Path("second"))
    assert_same_run(Path("first"), Path("second"))


def test_other_weights_never_meet_a_stale_cache(
    frozen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(frozen, "training.cache_features=true", out=Path("first"))
    monkeypatch.setattr(Model, "frozen_features", _refuse)
    with pytest.raises(RuntimeError, match="computed anew"):
        train(frozen, "training.cache_features=true", "seed=1", out=Path("second"))


def _refuse(*_: object) -> None:
    raise RuntimeError("computed anew")
