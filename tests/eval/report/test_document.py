from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from polymodal_eval.report.document import document
from polymodal_eval.results import Measurement, TaskResult, verdict
from polymodal_eval.statistics import Estimate
from polymodal_eval.tasks.enrichment import Enrichment

from tests.eval.report.evaluations import evaluated
from tests.eval.worlds import scenes


def test_every_number_of_a_measurement_is_there() -> None:
    given = evaluated()
    found = document(given)

    first, wanted = found["tasks"][0]["measurements"][0], given.results[0].measurements[0]
    assert (first["query"], first["gallery"]) == ("image", "text")
    estimate = wanted.estimates["r@1"]
    assert first["estimates"]["r@1"] == {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "chance": estimate.chance,
        "above_chance": estimate.above_chance,
    }
    assert first["num_queries"] == 24
    assert first["protocol"]["relevance"] == "instance"
    assert len(found["tasks"][0]["measurements"]) == 6
    assert found["tasks"][2]["skipped"] == [{"what": "prompts", "reason": "there is <no> text"}]


def test_summary_protocol_splits_and_origin() -> None:
    found = document(evaluated())

    retrieval, zero_shot = found["summary"]
    values = [item["estimates"]["r@1"]["value"] for item in found["tasks"][0]["measurements"]]
    assert retrieval["mean"] == pytest.approx(np.mean(values))
    assert (retrieval["metric"], retrieval["measurements"]) == ("r@1", 6)
    assert zero_shot["split"] == "heldout"
    assert found["protocol"]["tie"] == 1e-6
    assert (found["protocol"]["resamples"], found["protocol"]["seed"]) == (200, 0)
    test = found["splits"]["test"]
    assert (test["rows"], test["instances"], test["classes"]) == (48, 24, 4)
    assert test["columns"][1]["equal_texts"] == 32
    assert len(test["modality_gaps"]) == 3
    assert found["store"]["fingerprint"] == "abc123"
    assert found["recipe"]["seed"] == 3
    assert found["warnings"] == ["the store is <another>"]


def test_what_json_cannot_hold_becomes_null_or_a_plain_number() -> None:
    odd = Measurement(
        "a",
        "b",
        "score",
        {"score": Estimate(float("nan"), np.float64(0.5).item(), float("inf"))},
        num_queries=np.int64(3),  # type: ignore[arg-type]
        details={"share": np.float32(0.5), "pair": (1, 2)},
    )
    found = document(replace(evaluated(), results=[TaskResult("odd", "test", (odd,))]))

    text = json.dumps(found, allow_nan=False)
    line = json.loads(text)["tasks"][0]["measurements"][0]
    assert line["estimates"]["score"]["value"] is None
    assert line["estimates"]["score"]["high"] is None
    assert line["num_queries"] == 3
    assert line["details"] == {"share": 0.5, "pair": [1, 2]}


def test_trained_and_emergent_pairs_are_summed_up_apart() -> None:
    trained = frozenset({frozenset({"image", "text"})})
    found = document(evaluated(trained_pairs=trained))

    lines = found["tasks"][0]["measurements"]
    origins = {(line["query"], line["gallery"]): line["origin"] for line in lines}
    assert origins["image", "text"] == origins["text", "image"] == "trained"
    assert origins["image", "prototypes"] == "emergent"
    parts = found["summary"][0]["origins"]
    assert (parts["trained"]["measurements"], parts["emergent"]["measurements"]) == (2, 4)
    values = [line["estimates"]["r@1"]["value"] for line in lines if line["origin"] == "emergent"]
    assert parts["emergent"]["mean"] == pytest.approx(np.mean(values))
    assert found["protocol"]["trained_pairs"] == [["image", "text"]]
    unknown = document(evaluated())
    assert unknown["tasks"][0]["measurements"][0]["origin"] is None
    assert unknown["summary"][0]["origins"] == {}
    assert unknown["protocol"]["trained_pairs"] is None


def test_measurements_are_numbered_through_and_gains_are_kept() -> None:
    result = Enrichment()(scenes())
    given = evaluated(results=[evaluated().results[0], result])

    found = document(given)["tasks"]

    numbers = [line["number"] for task in found for line in task["measurements"]]
    assert numbers == list(range(18))
    counts = document(given)["summary"][1]
    verdicts = [verdict(item) for item in result.measurements if item.gains]
    assert (counts["enriched"], counts["better"], counts["worse"]) == (
        6,
        verdicts.count("better"),
        verdicts.count("worse"),
    )
    line = found[1]["measurements"][-1]
    gain = result.measurements[-1].gains[0]
    assert line["gains"][0] == {
        "query": gain.query,
        "gallery": gain.gallery,
        "value": gain.value,
        "difference": {
            "value": gain.difference.value,
            "low": gain.difference.low,
            "high": gain.difference.high,
            "distinguishable": gain.difference.distinguishable,
        },
    }
    assert line["query_columns"] == list(result.measurements[-1].query_columns)
