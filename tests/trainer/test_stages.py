"""Stages: each with its own optimiser, columns and frozen parts, and resumed to the last bit."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from polymodal_core.checkpoint import load_checkpoint
from polymodal_core.errors import RecipeError, RunError
from polymodal_core.plugins import registry
from polymodal_core.run import RunFolder
from polymodal_trainer.resolve import read_recipe
from polymodal_trainer.run import run
from polymodal_trainer.stages import enter_stage
from polymodal_trainer.start import Setup, build

from tests.trainer.conftest import Vectors, assert_same_run, lines, make_store, write_recipe
from tests.trainer.forks import fork_run, steps_logged, wait_until

STAGES = """
[[training.stages]]
name = "left"
columns = ["left"]
epochs = 2
lr_heads = 5e-3
[[training.stages]]
name = "others"
columns = ["middle", "right"]
epochs = 2
[[training.stages]]
name = "joint"
epochs = 2
freeze = ["left", "objective"]
lr_backbones = 1e-5
patience = 1
[evaluation]
"""
CLASSIFICATION = 'kind = "classification"'
FUSION = """[fusion]
kind = "cross_attention"
visual = "left"
width = 16
heads = 2
dropout = 0.1
[training]"""
OUT = Path("out")


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    return make_store(tmp_path / "labelled", Vectors(missing=0.3))


@pytest.fixture
def staged(tmp_path: Path, labelled: Path) -> Path:
    """A recipe of three stages with a classification objective and a fusion."""
    changes = {
        'kind = "pcmc"': CLASSIFICATION,
        "[training]": FUSION,
        "[evaluation]\n": STAGES,
        "epochs = 4": "keep = 3",
    }
    return write_recipe(tmp_path / "staged.toml", labelled, changes=changes)


def train(recipe: Path, *settings: str, out: Path = OUT, resume: bool = False) -> int:
    return run(str(recipe), settings=settings, out=out, resume=resume, quiet=True)


def setup(recipe: Path, *settings: str) -> Setup:
    resolved = read_recipe(recipe, settings, registry=registry())
    return build(resolved, registry=registry(), source=str(recipe))


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(load_checkpoint(path).tensors["model"])


def test_killed_in_each_stage_and_resumed_it_is_the_same_to_the_last_bit(staged: Path) -> None:
    train(staged, out=Path("unbroken"))
    total = steps_logged(Path("unbroken"))
    assert total == 36
    for aim in (2, 11, 14, 23, 24, 30):  # two in each stage, at a beginning, within, at an end
        child = fork_run(staged, Path("broken"), resume=(Path("broken") / "recipe.toml").is_file())
        wait_until(lambda aim=aim: steps_logged(Path("broken")) >= aim, child)  # type: ignore[misc]
        assert child.exitcode is None
        child.kill()
        child.join()
    assert train(Path("broken"), out=Path("broken"), resume=True) == 0
    assert_same_run(Path("unbroken"), Path("broken"))
    for name in ("best-left", "best-others"):
        links = [os.readlink(Path(run) / "checkpoints" / name) for run in ("unbroken", "broken")]
        assert links[0] == links[1]
        assert RunFolder(Path("broken")).checkpoint(name).is_dir()


def test_killed_between_two_stages(staged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from polymodal_trainer.loop import Trainer

    train(staged, out=Path("unbroken"))
    begin = Trainer._begin_next_stage

    def die(self: Trainer) -> None:
        if self.state.stage == 0:
            os._exit(9)
        begin(self)

    def die_later(self: Trainer) -> None:
        save, self._save = self._save, lambda: os._exit(9)  # type: ignore[method-assign]
        begin(self)
        save()

    for method in (die, die_later):
        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "_begin_next_stage", method)
            child = fork_run(staged, Path("broken"), resume=method is die_later)
            child.join()
        assert child.exitcode == 9
        state = json.loads((RunFolder(Path("broken")).steps()[-1] / "state.json").read_text())
        assert (state["stage"], state["ended"]) == (0, "all 2 epochs are done")
    assert train(Path("broken"), out=Path("broken"), resume=True) == 0
    assert_same_run(Path("unbroken"), Path("broken"))


def test_a_stage_trains_what_it_sees_and_leaves_what_it_freezes(staged: Path) -> None:
    assert train(staged, "training.keep=40", "training.checkpoint_every=1") == 0
    folder = RunFolder(OUT)
    found = [weights(path) for path in folder.steps()]  # after 0, 1, ..., 36 steps
    assert len(found) == 37

    def changed(first: int, last: int) -> set[str]:
        return {
            name.split(".")[1] if not name.startswith("fusion") else "fusion"
            for name, tensor in found[first].items()
            if not torch.equal(tensor, found[last][name])
        }

    assert changed(0, 11) == {"left", "fusion"}
    # The first step of a stage starts from the best of the one before.
    assert changed(12, 23) == {"middle", "right", "fusion"}
    assert changed(24, 36) == {"middle", "right", "fusion"}
    objective = [load_checkpoint(folder.steps()[step]).tensors["objective"] for step in (24, 36)]
    for name, tensor in objective[0].items():
        assert torch.equal(tensor, objective[1][name])
    assert weights(folder.steps()[12]).keys() == found[0].keys()
    best = weights(folder.checkpoint("best-left"))
    assert all(torch.equal(found[12][name], tensor) for name, tensor in best.items())


def test_logs_name_the_stage_and_its_own_schedule(
    staged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(str(staged), settings=["training.warmup=0"], out=OUT, resume=False, quiet=False)
    said = capsys.readouterr().out
    steps = lines(OUT, "step")
    assert [step["stage"] for step in steps] == ["left"] * 12 + ["others"] * 12 + ["joint"] * 12
    assert [step["epoch"] for step in steps[::6]] == [1, 2, 3, 4, 5, 6]
    starts = [steps[number] for number in (0, 12, 24)]
    assert [step["lr_heads"] for step in starts] == [5e-3, 1e-3, 1e-3]
    assert starts[2]["lr_backbones"] == 1e-5
    assert "left-label" in steps[0]["parts"]
    assert steps[0]["anchors"]["joint-label"] == 0
    assert steps[-1]["anchors"]["joint-label"] > 0
    validations = lines(OUT, "validation")[1:]
    assert set(validations[0]["metrics"]) == {"left accuracy"}
    assert set(validations[-1]["metrics"]) == {f"{n} accuracy" for n in ("left", "middle", "right")}
    assert "stages left (2), others (2), joint (2)" in said
    assert "left: epoch 1/2" in said
    assert "joint: epoch 1/2" in said
    assert "stage left is over: all 2 epochs are done; stage others begins" in said
    assert "best validation of stage left: accuracy" in said
    assert "no row had both columns" not in said


def test_patience_ends_a_stage_and_not_the_run(staged: Path) -> None:
    settings = ['training.stages=[{name="a", epochs=9, patience=1, lr_heads=0.0, '
                'lr_backbones=0.0}, {name="b", epochs=1}]']  # fmt: skip
    assert train(staged, *settings) == 0
    state = json.loads((RunFolder(OUT).steps()[-1] / "state.json").read_text())
    assert state["earlier"][0]["ended"] == "no better validation in 1 epochs"
    assert state["finished"] == "all 1 epochs are done"
    assert state["epoch"] == 3


def test_one_stage_is_as_none(recipe: Path) -> None:
    train(recipe, out=Path("one"))
    train(recipe, 'training.stages=[{name="all"}]', out=Path("two"))
    first, second = (weights(RunFolder(Path(name)).steps()[-1]) for name in ("one", "two"))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_pairs_of_a_stage_alone_are_compared(recipe: Path) -> None:
    stages = ('training.stages=[{name="a", epochs=1, columns=["left", "right"]}, '
              '{name="b", epochs=1, pairs=[["middle", "left"]], train=["middle"]}]')  # fmt: skip
    train(recipe, stages)
    parts = [(step["stage"], set(step["anchors"])) for step in lines(OUT, "step")]
    learned = {"a": set(), "b": set()}  # type: dict[str, set[str]]
    for step in lines(OUT, "step"):
        learned[step["stage"]] |= {name for name, count in step["anchors"].items() if count}
    assert learned == {"a": {"left-right"}, "b": {"left-middle"}}
    assert parts[-1] == ("b", {"left-middle"})


def test_freezing_keeps_statistics_and_lets_go_again(staged: Path) -> None:
    built = setup(staged)
    enter_stage(built, 2)
    assert not any(item.requires_grad for item in built.model.heads["left"].parameters())
    assert not built.model.encoders["left"].training
    assert built.model.encoders["middle"].training
    assert not any(item.requires_grad for item in built.objective.parameters())
    enter_stage(built, 0)
    assert all(item.requires_grad for item in built.model.heads["left"].parameters())
    assert built.model.encoders["left"].training
    assert not built.model.encoders["middle"].training  # both columns that use it are unseen
    assert all(item.requires_grad for item in built.objective.parameters())
    held = {id(item) for item in built.model.encoders["middle"].parameters()}
    assert not held & {id(p) for group in built.optimizer.param_groups for p in group["params"]}


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ('[{name="a", columns=["lft"]}]', r"training.stages.0.columns: unknown column 'lft'.*left"),
        ('[{name="a", freeze=["fusin"]}]', "training.stages.0.freeze: there is no part 'fusin'"),
        ('[{name="a"}, {name="a"}]', "two stages are called 'a'"),
        ('[{name="a", train=["left"], freeze=["right"]}]', "give one of train and freeze"),
        ('[{name="A b"}]', "training.stages.0.name"),
        ('[{name="a", warmup=-1}]', "training.stages.0.warmup: must be a number of steps"),
        ('[{name="a", epochs=0}]', "training.stages.0.epochs"),
        ('[{name="a", lr=1}]', "training.stages.0.lr: unknown key"),
    ],
)
def test_typos_are_told_before_anything_starts(recipe: Path, stages: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        read_recipe(recipe, [f"training.stages={stages}"], registry=registry())


def test_a_stage_that_cannot_learn_is_told_before_the_first_begins(
    recipe: Path, staged: Path
) -> None:
    with pytest.raises(RunError, match=r"stage 'b': with left alone.*training.stages.1.columns"):
        setup(recipe, 'training.stages=[{name="a"}, {name="b", columns=["left"]}]')
    everything = '["left", "middle", "right", "fusion"]'
    with pytest.raises(RunError, match="stage 'b': nothing is trainable"):
        setup(staged, f'training.stages=[{{name="a"}}, {{name="b", freeze={everything}}}]')


def test_a_changed_stage_is_refused_on_resume(staged: Path) -> None:
    train(staged, "training.keep=20")
    state = RunFolder(OUT).steps()[-1]
    before = json.loads((state / "state.json").read_text())
    (state / "state.json").write_text(json.dumps({**before, "finished": None}))
    with pytest.raises(RunError, match=r"training\.stages"):
        train(staged, 'training.stages=[{name="left"}]', resume=True)


def test_a_checkpoint_of_before_there_were_stages_goes_on(recipe: Path) -> None:
    train(recipe, out=Path("unbroken"))
    child = fork_run(recipe, OUT)
    wait_until(lambda: steps_logged(OUT) >= 9, child)
    time.sleep(0.01)
    child.kill()
    child.join()
    path = RunFolder(OUT).steps()[-1] / "state.json"
    state: dict[str, Any] = json.loads(path.read_text())
    for name in ("stage", "stage_step", "stage_epoch", "ended", "earlier", "objective"):
        del state[name]
    path.write_text(json.dumps(state))
    assert train(recipe, resume=True) == 0
    assert_same_run(Path("unbroken"), OUT)


def test_the_shipped_recipe_trains_on_a_tiny_store(tmp_path: Path) -> None:
    options = {"train": 16, "validation": 6, "test": 4, "heldout": 0, "shifted": 4, "size": 16}
    importer = (
        registry().importer("rooms").model_validate({**options, "columns": ["image", "text"]})
    )
    make_store(tmp_path / "rooms", importer.build())
    settings = [
        f"data.store={tmp_path / 'rooms'}",
        "data.batch_size=8",
        "modalities.image.size=16",
        "modalities.text.vocabulary=300",
        'training.stages=[{name="image", columns=["image"], epochs=1}, {name="joint", epochs=1}]',
        "training.threads=1",
    ]
    assert run("transfer_rooms", settings=settings, out=OUT, resume=False, quiet=True) == 0
    assert [line["stage"] for line in lines(OUT, "epoch")] == ["image", "joint"]
    assert set(lines(OUT, "step")[-1]["parts"]) == {"image-label", "text-label", "joint-label"}
