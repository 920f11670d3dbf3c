"""From training in stages to a report of classes, as a user goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_evaluator.evaluate import Request, evaluate
from polymodal_trainer.run import run

from tests.trainer.conftest import Vectors, make_store, write_recipe
from tests.trainer.test_stages import CLASSIFICATION, FUSION, STAGES

TASK = 'evaluation.tasks=[{kind="classification", swapped=[1.0]}]'


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    importer = Vectors(counts={"train": 100, "validation": 30, "test": 40}, missing=0.3)
    store = make_store(folder / "store", importer)
    changes = {'kind = "pcmc"': CLASSIFICATION, "[training]": FUSION, "[evaluation]\n": STAGES}
    recipe = write_recipe(folder / "staged.toml", store, changes=changes)
    settings = ("training.epochs=1", "embedding.head={kind='linear'}")
    run(str(recipe), settings=settings, out=folder / "run", resume=False, quiet=True)
    return folder / "run"


def test_a_run_is_classified_and_reported(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(Request(trained, settings=(TASK, "evaluation.resamples=50"), out=tmp_path))
    said = capsys.readouterr().out
    assert "Classification, split test" in said
    assert "Precision" in said
    content = json.loads((tmp_path / "report.json").read_text())
    (task,) = content["tasks"]
    names = [item["query"] for item in task["measurements"]]
    assert names[:4] == ["left", "middle", "right", "left + middle + right"]
    assert "row, 50 % without right" in names
    assert "row, 100 % with another's middle" in names
    assert all(item["num_candidates"] == 5 for item in task["measurements"])
    assert "confusion" in (tmp_path / "report.html").read_text()


def test_validation_is_what_training_saw(trained: Path, tmp_path: Path) -> None:
    best = json.loads((trained / "checkpoints" / "best" / "state.json").read_text())["best"]
    settings = (TASK, "evaluation.split=validation", "evaluation.resamples=0")
    evaluate(Request(trained, settings=settings, out=tmp_path, quiet=True))
    (task,) = json.loads((tmp_path / "report.json").read_text())["tasks"]
    row = next(item for item in task["measurements"] if item["query"] == "row")
    assert row["estimates"]["accuracy"]["value"] == pytest.approx(best["mean"])


def test_the_best_of_an_earlier_stage_can_be_evaluated(trained: Path, tmp_path: Path) -> None:
    path = evaluate(
        Request(trained, settings=(TASK,), checkpoint="best-left", out=tmp_path, quiet=True)
    )
    assert path.is_file()


def test_a_run_without_classes_says_so(tmp_path: Path) -> None:
    store = make_store(
        tmp_path / "store", Vectors(counts={"train": 40, "validation": 9, "test": 9})
    )
    recipe = write_recipe(tmp_path / "plain.toml", store)
    run(str(recipe), settings=("training.epochs=1",), out=tmp_path / "r", resume=False, quiet=True)
    with pytest.raises(PolymodalError, match="the run's objective has learned no classes"):
        evaluate(Request(tmp_path / "r", settings=(TASK,), quiet=True))
