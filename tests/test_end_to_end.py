"""The whole way of the README on a small world: pack, train, evaluate, and what must not happen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.apps import run_app

PACK = (
    *("polymodal-pack", "rooms", "--out", "data/rooms", "--set", "size=32"),
    *("--set", "train=240", "--set", "validation=40", "--set", "test=40", "--set", "heldout=40"),
    *("--set", "captions=1"),
)
SMALL = (
    *("--set", "training.epochs=4", "--set", "data.batch_size=40", "--set", "embedding.dim=32"),
    *("--set", "modalities.image.size=32", "--set", "modalities.depth.size=32"),
    *("--set", "modalities.image.encoder.width=8", "--set", "modalities.depth.encoder.width=8"),
    *("--set", "modalities.text.encoder.width=32", "--set", "modalities.text.encoder.layers=1"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the rooms recipe has been packed, trained and evaluated."""
    folder = tmp_path_factory.mktemp("rooms")
    run_app(*PACK, cwd=folder)
    run_app("polymodal-train", "run", "rooms", *SMALL, cwd=folder)
    run_app("polymodal-evaluate", "run", "runs/rooms", cwd=folder)
    return folder


def test_every_pair_is_reported_with_intervals_and_chance(folder: Path) -> None:
    report = json.loads((folder / "runs/rooms/report.json").read_text())
    retrieval = report["tasks"][0]["measurements"]
    columns = ("image", "text", "depth", "attributes", "prototypes")
    pairs = {(item["query"], item["gallery"]) for item in retrieval}
    assert pairs == {(a, b) for a in columns for b in columns if a != b}
    for item in retrieval:
        hit = item["estimates"]["r@1"]
        assert hit["low"] <= hit["value"] <= hit["high"]
        assert 0 < hit["chance"] < 0.2
        assert item["num_queries"] > 0


def test_something_was_learned(folder: Path) -> None:
    report = json.loads((folder / "runs/rooms/report.json").read_text())
    found = {
        (item["query"], item["gallery"]): item["estimates"]
        for item in report["tasks"][0]["measurements"]
    }
    assert found["attributes", "prototypes"]["r@5"]["low"] > 0.1


def test_the_report_is_one_file_that_needs_no_network(folder: Path) -> None:
    page = (folder / "runs/rooms/report.html").read_text(encoding="utf-8")
    assert "data:image/" in page
    assert 'src="http' not in page
    assert 'href="http' not in page


def test_the_run_folder_is_as_the_design_says(folder: Path) -> None:
    run = folder / "runs/rooms"
    names = {item.name for item in run.iterdir()}
    assert names >= {
        *("recipe.toml", "modalities", "metrics.jsonl", "tensorboard", "checkpoints"),
        *("environment.json", "report.html", "report.json", "queries.parquet"),
    }
    assert not list(run.rglob("*.p*kl"))
    assert not list(run.rglob("*.pt"))


def test_a_run_folder_is_never_overwritten(folder: Path) -> None:
    before = (folder / "runs/rooms/recipe.toml").read_bytes()
    done = run_app("polymodal-train", "run", "rooms", *SMALL, cwd=folder, status=2)
    assert "--resume" in done.stderr
    assert (folder / "runs/rooms/recipe.toml").read_bytes() == before


def test_the_evaluation_needs_the_run_folder_and_the_store_alone(
    folder: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere"
    (folder / "runs/rooms").rename(moved)
    try:
        run_app(
            *("polymodal-evaluate", "run", str(moved)),
            *("--set", f"data.store={folder / 'data/rooms'}"),
            cwd=tmp_path,
        )
    finally:
        moved.rename(folder / "runs/rooms")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["polymodal-train", "run", "roms"], "rooms"),
        (["polymodal-train", "run", "rooms", "--out", "x", "--set", "training.epoch=3"], "epochs"),
        (
            [
                "polymodal-train",
                "run",
                "rooms",
                "--out",
                "x",
                "--set",
                "modalities.imge.kind=image",
            ],
            "no column 'imge'",
        ),
        (
            ["polymodal-train", "run", "rooms", "--set", "data.store=nowhere", "--out", "x"],
            "nowhere",
        ),
        (["polymodal-evaluate", "run", "runs/none"], "runs/none"),
        (["polymodal-evaluate", "run", "runs/rooms", "--set", "evaluation.split=tset"], "test"),
        (["polymodal-pack", "info", "nowhere"], "nowhere"),
        (["polymodal-pack", "rooms", "--out", "data/rooms"], "holds a store already"),
    ],
)
def test_a_typo_gets_a_message_and_harms_nothing(
    folder: Path, command: list[str], message: str
) -> None:
    before = sorted(path for path in folder.rglob("*") if path.is_file())
    done = run_app(*command, cwd=folder, status=2)
    assert message in done.stderr
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == before
