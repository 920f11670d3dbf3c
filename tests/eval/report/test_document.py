from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from polymodal_eval.report.document import document
from polymodal_eval.results import Measurement, TaskResult
from polymodal_eval.statistics import Estimate

from tests.eval.report.evaluations import evaluated


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
