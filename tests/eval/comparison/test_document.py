from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from polymodal_eval.comparison.compare import compare
from polymodal_eval.comparison.document import comparison_document

from tests.eval.comparison.saved import run


def test_the_document_holds_every_number_as_plain_data(tmp_path: Path) -> None:
    reports = [run(tmp_path / f"run{seed}", seed=seed, size=30) for seed in range(3)]
    found = compare([reports[0], reports[2]], [reports[1]], resamples=50)

    content = json.loads(json.dumps(comparison_document(found), allow_nan=False))

    assert [item["folder"] for item in content["first"]] == [
        str(reports[0].folder),
        str(reports[2].folder),
    ]
    line, wanted = content["measurements"][0], found.compared[0]
    assert (line["query"], line["gallery"], line["task"]) == ("image", "text", "retrieval")
    assert (line["shared_queries"], line["num_queries"]) == (30, [30, 30, 30])
    metric = line["metrics"]["r@1"]
    part = wanted.headline
    assert metric["first_runs"] == list(part.first)
    assert metric["first"] == pytest.approx(np.mean(part.first))
    assert metric["difference"] == {
        "value": part.difference.value,
        "low": part.difference.low,
        "high": part.difference.high,
        "distinguishable": part.difference.distinguishable,
        "p_value": part.difference.p_value,
    }
    assert content["protocol"]["resamples"] == 50
    assert content["means"][0]["measurements"] == 6
    assert content["not_compared"] == []
