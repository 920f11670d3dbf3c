from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from polymodal_core.plugins import registry
from polymodal_eval.trained_pairs import Pairs
from polymodal_evaluator.evaluate import Request, evaluate
from polymodal_evaluator.opening import open_for_evaluation
from polymodal_evaluator.training_pairs import trained_pairs

from tests.evaluator.conftest import make_run, make_store


def found(run: Path, *settings: str) -> Pairs | None:
    opened = open_for_evaluation(run, settings=settings, checkpoint=None, registry=registry())
    return trained_pairs(opened)


def pairs(*named: str) -> Pairs:
    return frozenset(frozenset(pair.split("-")) for pair in named)


ALL = pairs("image-text", "image-prototypes", "prototypes-text")


def test_all_pairs_are_trained_unless_the_objective_names_some(tmp_path: Path, store: Path) -> None:
    some = make_run(tmp_path / "some", store, objective={"kind": "x", "pairs": [["text", "image"]]})
    every = make_run(tmp_path / "every", store)

    assert found(every) == ALL
    assert found(some) == pairs("image-text")
    assert found(make_run(tmp_path / "odd", store, objective={"pairs": 7})) is None


def test_columns_that_no_training_row_holds_together_never_met(tmp_path: Path) -> None:
    gappy = make_store(tmp_path / "gappy", missing=0.8, train=6, validation=2, test=4, seed=1)
    run = make_run(tmp_path / "run", gappy)
    opened = open_for_evaluation(run, settings=(), checkpoint=None, registry=registry())
    rows = opened.store.table.select(opened.store.rows_of("train"))
    wanted = frozenset(
        frozenset((one, other))
        for one in rows.items
        for other in rows.items
        if one < other
        and any(a >= 0 <= b for a, b in zip(rows.items[one], rows.items[other], strict=True))
    )

    assert trained_pairs(opened) == wanted
    assert 0 < len(wanted) < 3


def test_what_was_trained_is_read_from_the_checkpoint_whatever_set_changes(
    tmp_path: Path, store: Path
) -> None:
    run = make_run(tmp_path / "run", store)
    path = run / "checkpoints" / "best" / "state.json"
    state: dict[str, Any] = json.loads(path.read_text())
    recipe = {"objective": {"pairs": [["image", "text"]]}, "data": {"store": str(store)}}
    path.write_text(json.dumps({**state, "recipe": recipe}))

    assert found(run, 'objective.pairs=[["text", "prototypes"]]') == pairs("image-text")


def test_another_store_says_nothing_about_the_training_rows(tmp_path: Path, store: Path) -> None:
    other = make_store(tmp_path / "other", seed=9)
    run = make_run(tmp_path / "run", store)

    assert found(run, f"data.store={other}") == ALL
    renamed = make_run(tmp_path / "renamed", store)
    path = renamed / "checkpoints" / "best" / "state.json"
    state = json.loads(path.read_text())
    data = {"store": str(store), "train": "gone"}
    path.write_text(json.dumps({**state, "recipe": {"objective": {}, "data": data}}))
    assert found(renamed) == ALL


def test_the_report_keeps_trained_and_emergent_pairs_apart(tmp_path: Path, store: Path) -> None:
    objective = {"kind": "x", "pairs": [["image", "text"], ["image", "prototypes"]]}
    run = make_run(tmp_path / "run", store, objective=objective)

    page = evaluate(Request(run, settings=('evaluation.tasks=[{kind="retrieval"}]',), quiet=True))

    report = json.loads((run / "report.json").read_text())
    origins = {
        (line["query"], line["gallery"]): line["origin"]
        for line in report["tasks"][0]["measurements"]
    }
    emergent = [pair for pair, origin in origins.items() if origin == "emergent"]
    assert sorted(emergent) == [("prototypes", "text"), ("text", "prototypes")]
    assert list(origins.values()).count("trained") == 4
    assert report["summary"][0]["origins"]["emergent"]["measurements"] == 2
    assert "emergent pairs, never together in training" in page.read_text(encoding="utf-8")
