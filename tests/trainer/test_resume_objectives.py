"""Runs of every sort of objective, killed and resumed: the same to the last bit."""

from __future__ import annotations

from pathlib import Path

import pytest
from polymodal_core.plugins import registry
from polymodal_core.run import RunFolder
from polymodal_trainer.run import run

from tests.scenes import packed, write
from tests.trainer.conftest import Vectors, assert_same_run, lines, make_store, write_recipe
from tests.trainer.forks import fork_run, steps_logged, wait_until

UNBROKEN, BROKEN = Path("unbroken"), Path("broken")
FUSION = """[fusion]
kind = "cross_attention"
visual = "left"
width = 16
heads = 2
dropout = 0.1
[training]"""
STAGES = (
    'training.stages=[{name="one", columns=["left"], epochs=1}, '
    '{name="two", columns=["middle", "right"], epochs=1}, {name="joint", epochs=2}]'
)
CLASSES = '{kind="classification"}'
ADVERSARIAL = '{kind="domain_adversarial", weight=0.5, ramp=8}'
ALIGNED = f'objective={{kind="sum", parts=[{CLASSES}, {{kind="mmd"}}, {ADVERSARIAL}]}}'
TAUGHT = 'objective={kind="sum", parts=[{kind="pcmc"}, {kind="distillation", teacher="big"}]}'


def train(recipe: Path | str, *settings: str, out: Path, resume: bool = False) -> None:
    assert run(str(recipe), settings=settings, out=out, resume=resume, quiet=True) == 0


def killed_and_resumed(recipe: Path, *settings: str, at: tuple[int, ...]) -> None:
    """Train once without a break and once with some, after so many steps, and compare."""
    train(recipe, *settings, out=UNBROKEN)
    assert steps_logged(UNBROKEN) > max(at)
    for aim in at:
        begun = (BROKEN / "recipe.toml").is_file()
        child = fork_run(recipe, BROKEN, *settings, resume=begun)
        wait_until(lambda aim=aim: steps_logged(BROKEN) >= aim, child)  # type: ignore[misc]
        assert child.exitcode is None
        child.kill()
        child.join()
    train(BROKEN, out=BROKEN, resume=True)
    assert_same_run(UNBROKEN, BROKEN)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("polymodal_image")
    pytest.importorskip("polymodal_depth")
    return packed(tmp_path_factory.mktemp("scenes") / "store", train=36, validation=6)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("labelled") / "store", Vectors(missing=0.3))


@pytest.fixture
def fused(tmp_path: Path, labelled: Path) -> Path:
    return write_recipe(tmp_path / "fused.toml", labelled, changes={"[training]": FUSION})


def test_classes_and_alignment_in_stages(fused: Path) -> None:
    """Each stage alone, then joint: what cannot be aligned is left out, and the ramp waits."""
    killed_and_resumed(fused, ALIGNED, STAGES, at=(3, 9, 14, 20))
    steps = lines(UNBROKEN, "step")
    assert set(steps[0]["terms"]) == {"classification", "mmd", "domain_adversarial"}
    aligned = {
        stage: {
            name
            for step in steps
            if step["stage"] == stage
            for name, count in step["anchors"].items()
            if count and "label" not in name
        }
        for stage in ("one", "two", "joint")
    }
    assert aligned == {
        "one": set(),
        "two": {"middle-right"},
        "joint": {"left-middle", "left-right", "middle-right"},
    }
    for step in steps[:6]:
        assert step["terms"]["mmd"] == step["terms"]["domain_adversarial"] == 0
    from polymodal_core.checkpoint import load_checkpoint

    objective = load_checkpoint(RunFolder(UNBROKEN).steps()[-1]).tensors["objective"]
    (counted,) = (int(item) for name, item in objective.items() if name.endswith("steps"))
    assert counted == len(steps) - 6


def test_chunks(recipe: Path) -> None:
    killed_and_resumed(recipe, "training.chunk_size=5", at=(2, 7, 12))


def test_chunks_of_a_fusion_that_classifies_and_aligns(fused: Path) -> None:
    killed_and_resumed(fused, ALIGNED, "training.chunk_size=5", "training.epochs=2", at=(3, 8))


def test_a_teacher(recipe: Path) -> None:
    train(recipe, "training.epochs=1", "embedding.dim=12", out=Path("big"))
    killed_and_resumed(recipe, TAUGHT, at=(2, 7, 13))


def test_a_teacher_and_chunks(recipe: Path) -> None:
    train(recipe, "training.epochs=1", "embedding.dim=12", out=Path("big"))
    killed_and_resumed(recipe, TAUGHT, "training.chunk_size=7", "training.epochs=2", at=(5,))


def test_segmentation(scenes: Path, tmp_path: Path) -> None:
    recipe = Path(write(tmp_path / "maps.toml", scenes))
    killed_and_resumed(recipe, "training.epochs=3", "training.checkpoint_every=1", at=(2, 5, 8))


SEEN_ALONE = (
    'training.stages=[{name="image", columns=["image"], epochs=2}, '
    '{name="depth", columns=["depth"], epochs=1}, {name="joint", epochs=1, freeze=["depth"]}]'
)


def test_segmentation_in_stages(scenes: Path, tmp_path: Path) -> None:
    recipe = Path(write(tmp_path / "maps.toml", scenes))
    killed_and_resumed(recipe, SEEN_ALONE, "training.checkpoint_every=1", at=(2, 4, 7, 10))
    validations = lines(UNBROKEN, "validation")[1:]
    assert [line["stage"] for line in validations] == ["image", "image", "depth", "joint"]
    assert [set(line["metrics"]) for line in validations[1:]] == [
        {"image mean_iou"},
        {"depth mean_iou"},
        {"image mean_iou", "depth mean_iou"},
    ]


@pytest.mark.parametrize(
    "part", ['{kind="pcmc", weight=0.1}', '{kind="mmd", weight=0.5}'], ids=["pcmc", "mmd"]
)
def test_segmentation_summed_with_an_objective_that_compares(
    scenes: Path, tmp_path: Path, part: str
) -> None:
    maps = '{kind="segmentation", streams={depth=0.5}, channels=8}'
    recipe = Path(write(tmp_path / "maps.toml", scenes))
    objective = f'objective={{kind="sum", parts=[{maps}, {part}]}}'
    killed_and_resumed(recipe, objective, SEEN_ALONE, "training.checkpoint_every=1", at=(4, 10))
    last = lines(UNBROKEN, "step")[-1]
    assert {"image-segmentation", "joint-segmentation", "image-depth"} <= set(last["parts"])
    assert last["anchors"]["image-depth"] > 0
    assert all(value > 0 for value in last["terms"].values())
    assert set(lines(UNBROKEN, "validation")[-1]["metrics"]) >= {"image mean_iou"}


def test_masked_modelling_in_chunks(tmp_path: Path) -> None:
    options = {"train": 24, "validation": 8, "test": 0, "heldout": 0, "size": 16}
    importer = (
        registry().importer("rooms").model_validate({**options, "columns": ["image", "text"]})
    )
    make_store(tmp_path / "rooms", importer.build())
    recipe = tmp_path / "masked.toml"
    recipe.write_text(
        """
[data]
store = "rooms"
batch_size = 24
[embedding]
dim = 8
[modalities.image]
size = 16
encoder = { kind = "convnet", width = 4 }
[modalities.text]
vocabulary = 300
encoder = { kind = "transformer", width = 16, layers = 1, masked_modelling = 0.5 }
[objective]
kind = "pcmc"
[training]
epochs = 3
chunk_size = 7
checkpoint_every = 1
device = "cpu"
threads = 1
"""
    )
    killed_and_resumed(recipe, at=(2, 6))
    found = [step["auxiliary"]["text"] for step in lines(UNBROKEN, "step")]
    assert len(found) == 9
    assert all(value > 0 for value in found)
