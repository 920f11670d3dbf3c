"""Evaluating a model that fuses: several columns of a row are embedded together, end to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.plugins import registry
from polymodal_core.run import RunFolder
from polymodal_eval.entries import entries_of
from polymodal_eval.report.files import PAGE
from polymodal_evaluator.evaluate import Request, evaluate
from polymodal_evaluator.opening import open_for_evaluation
from polymodal_evaluator.spaces import Spaces

from tests.evaluator.conftest import make_run

FUSION = {"kind": "multi_stream", "width": 16, "heads": 2, "layers": 1, "shared_layers": 1}


@pytest.fixture(scope="module")
def fused(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Path:
    return make_run(tmp_path_factory.mktemp("fused") / "rooms", store, fusion=FUSION)


def spaces_of(run: Path) -> Spaces:
    from contextlib import nullcontext

    opened = open_for_evaluation(run, settings=(), checkpoint=None, registry=registry())
    return Spaces(opened, device="cpu", bar=lambda title, items: nullcontext(lambda count: None))


def test_several_columns_are_what_the_model_makes_of_the_row(fused: Path) -> None:
    spaces = spaces_of(fused)
    space = spaces("test")
    found = entries_of(space.embeddings, ("image", "text"))
    assert found.fused
    model: Any = spaces._opened.trained.model
    modalities = spaces._opened.trained.modalities
    store = spaces._opened.store
    rng = np.random.default_rng(0)
    for entry in (0, 5, len(found) - 1):
        features = {}
        for column in found.columns:
            number = space.embeddings.item_numbers[column][found.items_of(column)[entry]]
            (payload,) = store.read(column, [int(number)])
            modality = modalities[column]
            value = modality.transform(
                modality.decode(payload), training=False, shared=rng, own=rng
            )
            features[column] = model.features(column, modality.collate([value]))
        with torch.no_grad():
            wanted = model.combine(features)[0].numpy()
        np.testing.assert_allclose(found.vectors[entry], wanted, atol=1e-5)
    means = space.embeddings.vectors["image"][found.items[:, 0]]
    means = means + space.embeddings.vectors["text"][found.items[:, 1]]
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    assert (np.sum(means * found.vectors, axis=1) < 1 - 1e-4).any()


def test_every_task_reports_on_a_fused_model(fused: Path, tmp_path: Path) -> None:
    tasks = (
        'evaluation.tasks=[{kind="retrieval"}, {kind="enrichment"}, '
        '{kind="zero_shot", inputs="all", split="heldout"}, '
        '{kind="prompts", inputs=["image", ["image", "prototypes"]], split="heldout"}]'
    )
    evaluate(Request(fused, settings=(tasks,), out=tmp_path, quiet=True))
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["recipe"]["fusion"]["kind"] == "multi_stream"
    measured = {item["task"]: item["measurements"] for item in report["tasks"]}
    assert set(measured) == {"retrieval", "enrichment", "zero_shot", "prompts"}
    for item in (*measured["enrichment"], *measured["zero_shot"], *measured["prompts"]):
        several = max(len(item["query_columns"]), len(item["gallery_columns"])) > 1
        assert item["details"].get("fused", False) == several
    page = (tmp_path / PAGE).read_text()
    assert "the embedding that the model makes of them together" in page
    assert "the mean of their embeddings" not in page


def test_the_printed_form_is_warned_of_in_the_report(
    tmp_path: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "leaky", store, fusion={**FUSION, "exchange": "all"})
    evaluate(Request(run, settings=('evaluation.tasks=[{kind="retrieval"}]',), quiet=True))
    assert "fingerprint" in " ".join(capsys.readouterr().out.split())
    report = json.loads((RunFolder(run).path / "report.json").read_text())
    assert any("fingerprint" in warning for warning in report["warnings"])
