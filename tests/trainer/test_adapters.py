"""Runs whose encoders learn by low-rank adapters."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from polymodal_core.batch import Features
from polymodal_core.checkpoint import load_checkpoint
from polymodal_core.config import LoRAConfig
from polymodal_core.errors import RunError
from polymodal_core.lora import add_adapters
from polymodal_core.model import Model
from polymodal_core.plugins import registry
from polymodal_core.run import RunFolder, load_trained, open_run
from polymodal_trainer.adapters import check_adapters
from polymodal_trainer.environment import model_parts
from polymodal_trainer.resolve import read_recipe
from polymodal_trainer.run import run
from polymodal_trainer.start import build
from polymodal_trainer.summary import columns_table
from rich.console import Console
from torch import Tensor, nn

from tests.trainer.conftest import assert_same_run, write_recipe
from tests.trainer.forks import fork_run, steps_logged, wait_until

OLD = 'encoder = { kind = "mlp", hidden = 16, dropout = 0.2 }'
LORA = (
    'encoder = { kind = "mlp", hidden = 16, dropout = 0.2, tuning = "lora", '
    "lora = { rank = 3, dropout = 0.1 } }"
)


@pytest.fixture
def adapted(tmp_path: Path, store: Path) -> Path:
    """A recipe whose encoders both have adapters, one of them shared by two columns."""
    return write_recipe(tmp_path / "adapted.toml", store, changes={OLD: LORA})


def train(recipe: Path | str, *settings: str, out: Path | None = None, resume: bool = False) -> int:
    return run(str(recipe), settings=settings, out=out, resume=resume, quiet=True)


def test_adapters_alone_move_and_a_run_outlives_everything_but_its_folder(adapted: Path) -> None:
    train(adapted, "training.checkpoint_every=1", "training.keep=100", out=Path("out"))
    steps = RunFolder(Path("out")).steps()
    first, last = load_checkpoint(steps[0]).tensors, load_checkpoint(steps[-1]).tensors
    for name, tensor in first["model"].items():
        stays = name.startswith("encoders.") and ".lora_" not in name
        assert torch.equal(tensor, last["model"][name]) == stays, name
    assert any(".lora_" in name for name in last["optimizer"])
    assert not any(".base_layer." in name for name in last["optimizer"])

    trained = load_trained(open_run(Path("out")), registry=registry(), sections={})
    best = load_checkpoint(RunFolder(Path("out")).checkpoint()).tensors["model"]
    for name, tensor in trained.model.state_dict().items():
        assert torch.equal(tensor, best[name]), name


def test_a_run_is_resumed_bit_for_bit(adapted: Path) -> None:
    train(adapted, out=Path("unbroken"))
    child = fork_run(adapted, Path("broken"))
    wait_until(lambda: steps_logged(Path("broken")) >= 3, child)
    child.kill()
    child.join()
    train("broken", resume=True)
    assert_same_run(Path("unbroken"), Path("broken"))


def test_the_table_of_columns_says_lora_and_counts_adapters(adapted: Path) -> None:
    recipe = read_recipe(adapted, (), registry=registry())
    setup = build(recipe, registry=registry(), source=str(adapted))
    text = io.StringIO()
    Console(file=text, width=200).print(columns_table(setup))
    left = next(line for line in text.getvalue().splitlines() if line.startswith("left"))
    assert "mlp, lora" in left
    encoder, head = model_parts(setup.model, "left")
    adapters = sum(item.numel() for name, item in encoder.named_parameters() if "lora_" in name)
    own = sum(item.numel() for item in encoder.parameters())
    behind = sum(item.numel() for item in head.parameters())
    assert f" {adapters + behind} " in left
    assert f" {own + behind} " in left


def test_cached_features_are_refused(adapted: Path) -> None:
    with pytest.raises(RunError, match="with LoRA those of left, middle change in every step"):
        train(adapted, "training.cache_features=true")
    assert not Path("runs").exists()


class Reader(nn.Module):
    """Calls one of its layers, and reads the weights of the other past it."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_dim = 4
        self.attention = nn.ModuleDict({"called": nn.Linear(4, 4), "read": nn.Linear(4, 4)})

    def forward(self, inputs: Tensor) -> Features:
        weight: Tensor = self.attention["read"].weight  # type: ignore[assignment]
        return Features(self.attention["called"](inputs) @ weight.T)


def reading_model(targets: tuple[str, ...] | None) -> Model:
    encoder = Reader()
    add_adapters(encoder, LoRAConfig(targets=targets), column="speech")
    return Model(
        {"speech": encoder}, {"speech": nn.Linear(4, 3)}, dim=3, adapted=frozenset({"speech"})
    )


def test_an_adapter_that_the_network_passes_by_is_refused() -> None:
    model = reading_model(None)
    with (
        pytest.raises(RunError, match=r"speech.encoder: the network reads .* attention\.read with"),
        check_adapters(model),
    ):
        model.embed("speech", torch.ones(2, 4))


def test_an_encoder_that_no_row_ran_is_not_judged() -> None:
    with check_adapters(reading_model(None)):
        pass
    model = reading_model(("called",))
    with check_adapters(model):
        model.embed("speech", torch.ones(2, 4))
    assert not any(item._forward_hooks for item in model.modules())
