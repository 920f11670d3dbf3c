"""A student that learns from a run: whose embeddings it gets, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from polymodal_core.errors import RunError
from polymodal_core.plugins import registry
from polymodal_trainer.batches import training_batches
from polymodal_trainer.resolve import read_recipe
from polymodal_trainer.run import run
from polymodal_trainer.start import Setup, build
from polymodal_trainer.teachers import embed_by_teachers, load_teachers, num_items

from tests.trainer.conftest import lines, write_recipe

TEACHER = Path("runs/big")
BOTH = 'objective={kind="sum", parts=[{kind="pcmc"}, {kind="distillation", teacher="runs/big"}]}'


@pytest.fixture
def teacher(recipe: Path) -> Path:
    train(recipe, "training.epochs=1", "embedding.dim=12", out=TEACHER)
    return TEACHER


def train(recipe: Path, *settings: str, out: Path, resume: bool = False) -> None:
    assert run(str(recipe), settings=settings, out=out, resume=resume, quiet=True) == 0


def setup(recipe: Path, *settings: str) -> Setup:
    resolved = read_recipe(recipe, settings, registry=registry())
    return build(resolved, registry=registry(), source=str(recipe))


def test_each_row_gets_the_teachers_embeddings_of_its_values(recipe: Path, teacher: Path) -> None:
    built = setup(recipe, BOTH)
    loaded = load_teachers(built, registry=registry())
    done: list[int] = []
    found = embed_by_teachers(built, loaded, advance=done.append)["runs/big"]
    assert sum(done) == num_items(built, loaded) > 0
    trained = loaded["runs/big"]
    batch = next(iter(training_batches(built, epoch=0)))
    vectors = found.of(batch.index)
    items = built.store.table.items
    for column in ("left", "middle", "right"):
        assert vectors[column].shape == (batch.size, 12)
        numbers = items[column][batch.index.numpy()]
        has = torch.from_numpy(numbers >= 0)
        assert not vectors[column][~has].any()
        modality = trained.modalities[column]
        values = [
            modality.transform(
                modality.decode(built.store.read(column, [int(item)])[0]),
                training=False,
                shared=np.random.default_rng(0),
                own=np.random.default_rng(0),
            )
            for item in numbers
            if item >= 0
        ]
        with torch.no_grad():
            wanted = trained.model.embed(column, modality.collate(values))
        torch.testing.assert_close(vectors[column][has], wanted)


def test_a_student_trains_and_tells_both_terms(recipe: Path, teacher: Path) -> None:
    train(recipe, BOTH, "training.epochs=2", out=Path("student"))
    steps = lines(Path("student"), "step")
    assert steps[0]["terms"].keys() == {"pcmc", "distillation"}
    first, last = (
        np.mean([s["terms"]["distillation"] for s in part]) for part in (steps[:3], steps[-3:])
    )
    assert last < first


def test_a_student_alone_comes_to_the_teachers_similarities(recipe: Path, teacher: Path) -> None:
    settings = ('objective={kind="distillation", teacher="runs/big", temperature=0.2}',)
    train(
        recipe, *settings, "training.epochs=40", "training.lr_backbones=0.01", out=Path("student")
    )
    losses = [line["loss"] for line in lines(Path("student"), "epoch")]
    assert losses[-1] < 0.5 * losses[0]


def test_a_teacher_that_is_not_there_is_refused_and_one_with_fewer_columns_is_not(
    tmp_path: Path, recipe: Path, teacher: Path, store: Path
) -> None:
    absent = 'objective={kind="distillation", teacher="runs/none"}'
    with pytest.raises(RunError, match="runs/none: no run here"):
        train(recipe, absent, out=Path("student"))
    assert not Path("student").exists()
    other = write_recipe(
        tmp_path / "other.toml",
        store,
        changes={
            '[modalities.right]\nshare = "middle"\n': "",
        },
    )
    train(other, "training.epochs=1", out=Path("runs/two"))
    loaded = load_teachers(
        setup(recipe, 'objective={kind="distillation", teacher="runs/two"}'), registry=registry()
    )
    assert loaded["runs/two"].model.columns == ["left", "middle"]
