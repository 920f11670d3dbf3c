"""From pictures, depth and label maps to a report of label maps, as a user goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import PolymodalError, RecipeError
from polymodal_eval.comparison.compare import compare
from polymodal_eval.comparison.reports import read_report
from polymodal_evaluator.evaluate import Request, evaluate
from polymodal_trainer.run import run

from tests.scenes import NAMES, packed, write

pytest.importorskip("polymodal_image")
pytest.importorskip("polymodal_depth")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes") / "store"
    return packed(folder, train=72, validation=18, test=30)


def train(path: str, out: Path, *settings: str) -> None:
    run(path, settings=settings, out=out, resume=False, quiet=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Path:
    folder = tmp_path_factory.mktemp("segmented")
    train(write(folder / "both.toml", store), folder / "both")
    alone = (
        (
            "[modalities.depth]\nsize = 32\n"
            'encoder = { kind = "convnet", width = 8, stride = 4 }\n',
            "",
        ),
        ("streams = { depth = 0.5 }\n", ""),
    )
    train(write(folder / "image.toml", store, *alone), folder / "image")
    for name in ("both", "image"):
        evaluate(Request(folder / name, quiet=True))
    return folder


def measured(folder: Path) -> dict[str, Any]:
    (task,) = json.loads((folder / "report.json").read_text())["tasks"]
    return {item["query"]: item for item in task["measurements"]}


def test_depth_tells_what_the_picture_cannot(trained: Path) -> None:
    found = measured(trained / "both")
    assert list(found) == [
        "row",
        "image",
        "depth",
        "row, 50 % without depth",
        "row, 100 % without depth",
    ]
    iou = {name: item["estimates"]["mean_iou"]["value"] for name, item in found.items()}
    assert iou["row"] > iou["image"] + 0.05
    assert iou["row, 100 % without depth"] == iou["image"]
    assert iou["row"] > iou["row, 50 % without depth"] > iou["image"]
    gain = found["row"]["gains"][0]
    assert gain["query"] == "image"
    assert gain["difference"]["value"] == pytest.approx(iou["row"] - iou["image"])
    assert [row["name"] for row in found["row"]["details"]["segmented"]] == NAMES[:3]


def test_the_report_shows_maps_and_a_legend(trained: Path) -> None:
    page = (trained / "both" / "report.html").read_text()
    assert "Pictures<small>drawn at random" in page
    assert page.count('alt="true segmentation"') == 3
    assert page.count('alt="predicted segmentation"') == 9
    assert "not counted</li>" in page
    assert "Validation mean IoU" in page
    assert 'id="space"' not in page


def test_runs_are_compared_picture_by_picture(trained: Path) -> None:
    reports = [read_report(trained / name) for name in ("both", "image")]
    compared = compare(reports[:1], reports[1:], resamples=60).compared
    row = next(item for item in compared if item.line.content["query"] == "row")
    found = {item.metric: item for item in row.differences}
    values = [
        measured(trained / name)["row"]["estimates"]["mean_iou"]["value"]
        for name in ("both", "image")
    ]
    assert (*found["mean_iou"].first, *found["mean_iou"].second) == pytest.approx(tuple(values))
    assert found["mean_iou"].difference.value == pytest.approx(values[0] - values[1])
    assert found["mean_iou"].difference.low is not None


def test_validation_is_what_training_saw(trained: Path, tmp_path: Path) -> None:
    state = json.loads((trained / "both" / "checkpoints" / "best" / "state.json").read_text())
    evaluate(
        Request(
            trained / "both", settings=("evaluation.split=validation",), out=tmp_path, quiet=True
        )
    )
    value = measured(tmp_path)["row"]["estimates"]["mean_iou"]["value"]
    assert value == pytest.approx(state["best"]["mean"])


def test_the_same_recipe_gives_the_same_result(trained: Path, store: Path, tmp_path: Path) -> None:
    train(write(tmp_path / "both.toml", store), tmp_path / "again", "data.workers=1")
    states = [
        json.loads((folder / "checkpoints" / "best" / "state.json").read_text())
        for folder in (trained / "both", tmp_path / "again")
    ]
    assert states[0]["best"] == states[1]["best"]


def test_maps_and_classes_are_learned_and_measured_together(store: Path, tmp_path: Path) -> None:
    classified = '[[evaluation.tasks]]\nkind = "classification"\n[[evaluation.tasks]]'
    path = write(tmp_path / "both.toml", store, ("[[evaluation.tasks]]", classified))
    parts = '{kind="segmentation", streams={depth=0.5}, channels=8}, {kind="classification"}'
    train(path, tmp_path / "run", f'objective={{kind="sum", parts=[{parts}]}}', "training.epochs=4")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    steps = [line for line in map(json.loads, lines) if line["event"] == "step"]
    first, last = steps[0]["terms"], steps[-1]["terms"]
    assert first.keys() == {"segmentation", "classification"}
    assert all(last[name] < first[name] for name in first)
    evaluate(Request(tmp_path / "run", quiet=True))
    tasks = json.loads((tmp_path / "run" / "report.json").read_text())["tasks"]
    assert [task["task"] for task in tasks] == ["classification", "segmentation"]
    names = ["image", "depth", "image + depth", "row"]
    assert [item["query"] for item in tasks[0]["measurements"]][:4] == names


def refused(path: str, out: Path) -> str:
    with pytest.raises(PolymodalError) as error:
        train(path, out)
    return str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("size = 16\n", "size = 16\nencoder = { kind = 'mlp' }\n", "predicted and never an input"),
        (
            '[fusion]\nkind = "cross_attention"\nwidth = 16\nheads = 2\n',
            "",
            "there is no fusion by",
        ),
        (
            'kind = "cross_attention"\nwidth = 16\nheads = 2',
            'kind = "concatenation"\nwidth = 16',
            "gives no tokens of column 'image'",
        ),
        ("streams = { depth = 0.5 }", "streams = { dept = 0.5 }", "which is no column"),
        ("streams = { depth = 0.5 }", 'target = "labels"', "there is no target column 'labels'"),
        ("[modalities.segmentation]\nsize = 16\n", "", "add a table"),
        (
            "epochs = 6",
            "epochs = 6\nchunk_size = 4",
            "training.chunk_size: embeds 4 rows",
        ),
    ],
)
def test_what_does_not_go_together_is_said(
    tmp_path: Path, store: Path, old: str, new: str, said: str
) -> None:
    assert said in refused(write(tmp_path / "r.toml", store, (old, new)), tmp_path / "r")


def test_targets_alone_are_refused(tmp_path: Path, store: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(
        f'[data]\nstore = "{store}"\n[modalities.segmentation]\nsize = 16\n'
        '[objective]\nkind = "segmentation"\n'
    )
    with pytest.raises(RecipeError, match="targets alone are declared"):
        train(str(path), tmp_path / "r")


ENCODER = 'encoder = { kind = "convnet", width = 8, stride = 4'
DEPTH = f"[modalities.depth]\nsize = 32\n{ENCODER} }}\n"


@pytest.mark.parametrize("fused", [True, False])
def test_frozen_encoders_are_segmented_from_cached_maps(
    tmp_path: Path, store: Path, fused: bool
) -> None:
    alone = [
        ('[fusion]\nkind = "cross_attention"\nwidth = 16\nheads = 2\n', ""),
        (DEPTH, ""),
        ("streams = { depth = 0.5 }\n", ""),
    ]
    changes = [*([] if fused else alone), (ENCODER, f'{ENCODER}, tuning = "frozen"')]
    recipe = write(tmp_path / "frozen.toml", store, *changes)
    still = ("training.epochs=2", "modalities.image.crop_scale=[1.0, 1.0]")
    train(recipe, tmp_path / "cached", "training.cache_features=true", *still)
    train(recipe, tmp_path / "anew", *still)
    for name in ("cached", "anew"):
        evaluate(Request(tmp_path / name, quiet=True))
    cached, anew = (measured(tmp_path / name) for name in ("cached", "anew"))
    assert cached.keys() == anew.keys()
    assert cached["row"]["estimates"]["mean_iou"]["value"] > 0
