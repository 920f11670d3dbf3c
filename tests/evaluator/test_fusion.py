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


def test_attention_is_that_of_the_model_and_every_token_has_its_place(fused: Path) -> None:
    spaces = spaces_of(fused)
    space = spaces("test")
    columns = ("image", "text", "prototypes")
    items = entries_of(space.embeddings, columns).items[:6]
    assert space.embeddings.attend is not None
    found = space.embeddings.attend(columns, items)
    for entry, held in zip(found, items.tolist(), strict=True):
        assert entry["image"].grid == (4, 4)
        assert len(entry["image"].tokens) == 16
        assert len(entry["prototypes"].tokens) == 0
        number = int(space.embeddings.item_numbers["text"][held[1]])
        text, spans = space.show("text", number), space.spans("text", number)
        assert spans is not None
        assert isinstance(text, str)
        assert len(spans) == len(entry["text"].tokens)
        assert list(spans) == sorted(spans)
        assert spans[0][0] == 0
        assert spans[-1][1] <= len(text)
        for item in entry.values():
            assert 0 < item.pooled + item.tokens.sum() < 1


def test_damage_to_a_column_of_a_fused_query(fused: Path) -> None:
    spaces = spaces_of(fused)
    space = spaces("test")
    assert space.corrupted is not None
    clean = entries_of(space.embeddings, ("image", "text"))
    damaged = space.corrupted("image", "noise", 1.0)
    found = entries_of(damaged, ("image", "text"))
    assert found.fused
    np.testing.assert_array_equal(found.items, clean.items)
    assert (np.abs(found.vectors - clean.vectors).max(axis=1) > 1e-4).all()
    alone = entries_of(damaged, ("image",))
    assert (alone.vectors != entries_of(space.embeddings, ("image",)).vectors).any(axis=1).all()
    same = entries_of(space.corrupted("image", "noise", 0.0), ("image", "text"))
    np.testing.assert_allclose(same.vectors, clean.vectors, atol=1e-6)


def test_robustness_and_attention_are_in_the_report(fused: Path, tmp_path: Path) -> None:
    tasks = (
        'evaluation.tasks=[{kind="robustness", severities=[1.0], removal=[0.5, 1.0], '
        'corruptions=["noise"], relevance="label", '
        'pairs=[[["image", "text"], "prototypes"]]}]'
    )
    evaluate(Request(fused, settings=(tasks,), out=tmp_path, quiet=True))
    report = json.loads((tmp_path / "report.json").read_text())
    (task,) = report["tasks"]
    details = [item["details"] for item in task["measurements"]]
    assert [(item.get("column"), item["corruption"]) for item in details] == [
        (None, "clean"),
        ("image", "noise"),
        *[("image", "removed")] * 2,
        *[("text", "removed")] * 2,
    ]
    assert all(item["details"]["fused"] for item in task["measurements"])
    page = (tmp_path / PAGE).read_text()
    assert "A column missing" in page
    assert "No tokens to look at: prototypes" in page
    assert "attention over a picture" in page


def test_a_fusion_without_shared_blocks_says_so(tmp_path: Path, store: Path) -> None:
    run = make_run(tmp_path / "joined", store, fusion={"kind": "concatenation", "width": 16})
    evaluate(Request(run, settings=('evaluation.tasks=[{kind="retrieval"}]',), quiet=True))
    assert "gives no attention over tokens" in (RunFolder(run).path / PAGE).read_text()
