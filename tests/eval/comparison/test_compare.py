from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_eval.comparison.compare import compare
from polymodal_eval.comparison.reports import Report, read_report
from polymodal_eval.tasks.probe import Probe
from polymodal_eval.tasks.retrieval import Retrieval
from polymodal_eval.tasks.zero_shot import ZeroShot

from tests.eval.comparison.saved import run, saved
from tests.eval.worlds import scenes


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[Report]:
    folder = tmp_path_factory.mktemp("runs")
    return [run(folder / f"run{seed}", seed=seed, size=30) for seed in range(3)]


def test_every_metric_of_both_reports_is_compared_on_all_queries(reports: list[Report]) -> None:
    first, second = reports[:2]

    found = compare([first], [second], resamples=200)

    assert len(found.compared) == len(first.lines) == 8
    assert found.refused == ()
    for item, one, other in zip(found.compared, first.lines, second.lines, strict=True):
        assert item.shared == one.content["num_queries"]
        assert item.num_queries == (item.shared, item.shared)
        metrics = {part.metric: part for part in item.differences}
        assert metrics.keys() == one.content["estimates"].keys()
        for name, part in metrics.items():
            values = [line.content["estimates"][name]["value"] for line in (one, other)]
            assert (*part.first, *part.second) == pytest.approx(values)
            assert part.difference.value == pytest.approx(values[0] - values[1])
            assert part.difference.low is not None
            assert part.difference.high is not None
            assert part.difference.low <= part.difference.high
        assert item.headline.metric == one.content["headline"]


def test_a_run_is_not_distinguishable_from_itself(reports: list[Report]) -> None:
    found = compare([reports[0]], [reports[0]], resamples=50)

    for item in found.compared:
        for part in item.differences:
            assert (part.difference.value, part.difference.low, part.difference.high) == (0, 0, 0)
            assert part.difference.distinguishable is False


def test_means_over_pairs_are_of_each_metric_and_task(reports: list[Report]) -> None:
    found = compare([reports[0]], [reports[1]], resamples=200)

    means = {(item.task, item.metric): item for item in found.means}
    mean = means["retrieval", "r@1"]
    parts = [item.headline for item in found.compared if item.line.task == "retrieval"]
    assert mean.measurements == 6
    assert mean.first == pytest.approx(np.mean([part.first[0] for part in parts]))
    assert mean.difference.value == pytest.approx(
        np.mean([part.difference.value for part in parts])
    )
    assert mean.difference.low is not None
    assert mean.difference.high is not None
    assert mean.difference.low < mean.difference.value < mean.difference.high
    assert ("retrieval", "map") in means
    assert ("zero_shot", "accuracy") in means
    assert ("retrieval", "median_rank") not in means


def test_runs_of_a_side_are_averaged_query_by_query(reports: list[Report]) -> None:
    found = compare([reports[0], reports[2]], [reports[1]], resamples=50)

    part = found.compared[0].headline
    values = [report.lines[0].content["estimates"]["r@1"]["value"] for report in reports]
    assert part.first == pytest.approx((values[0], values[2]))
    assert part.difference.value == pytest.approx((values[0] + values[2]) / 2 - values[1])
    assert found.compared[0].num_queries == (30, 30, 30)


def test_what_cannot_be_compared_is_said_measurement_by_measurement(
    reports: list[Report], tmp_path: Path
) -> None:
    space = scenes(size=30, classes=6, seed=4)
    results = [
        Retrieval((("image", "text"),), ks=(1, 20))(space),
        Retrieval((("image", "prototypes"),))(space),
        ZeroShot((("image",), ("image", "text")))(space),
    ]
    second = saved(tmp_path / "second", results, space)

    found = compare([reports[0]], [second], resamples=50)

    assert [item.line.name for item in found.compared] == [
        "retrieval image → text",
        "retrieval image → prototypes",
        "zero_shot image → prototypes",
    ]
    reasons = {item.what: item.reason for item in found.refused}
    lacking = f"not measured in {second.folder}"
    assert reasons == {
        "retrieval image → text r@5": lacking,
        "retrieval image → text r@10": lacking,
        "retrieval image → text r@20": f"not measured in {reports[0].folder}",
        "retrieval text → image": lacking,
        "retrieval text → prototypes": lacking,
        "retrieval prototypes → image": lacking,
        "retrieval prototypes → text": lacking,
        "zero_shot text → prototypes": lacking,
        "zero_shot image + text → prototypes": (
            f"on split test not measured in {reports[0].folder}"
        ),
    }


def test_another_relevance_is_a_reason_and_not_a_comparison(
    reports: list[Report], tmp_path: Path
) -> None:
    space = scenes(size=30, classes=6, seed=4)
    labelled = saved(tmp_path / "labelled", [Retrieval(relevance="label")(space)], space)

    found = compare([reports[0]], [labelled], resamples=20)

    reasons = {item.what: item.reason for item in found.refused}
    assert reasons["retrieval image → text"] == "relevance instance against label"
    assert "retrieval image → prototypes" not in reasons  # by label in both


def test_nothing_in_common_is_an_error_with_the_reasons(
    reports: list[Report], tmp_path: Path
) -> None:
    held = scenes(split="heldout")
    second = saved(tmp_path / "second", [Retrieval((("image", "text"),))(held)], held)

    with pytest.raises(PolymodalError) as caught:
        compare([reports[0]], [second])

    assert "have nothing to compare" in str(caught.value)
    assert "retrieval image → text: split test against heldout" in str(caught.value)
    with pytest.raises(PolymodalError, match="at least one run on either side"):
        compare([reports[0]], [])


def test_other_right_answers_under_the_same_name_are_noticed(
    reports: list[Report], tmp_path: Path
) -> None:
    # As if a third party's task kept its protocol to itself.
    space = scenes(size=30, classes=6, seed=4)
    result = Retrieval((("image", "text"),))(space)
    queries = result.measurements[0].queries
    assert queries is not None
    assert queries.num_relevant is not None
    more = dataclasses.replace(queries, num_relevant=queries.num_relevant + 1)
    changed = dataclasses.replace(
        result, measurements=(dataclasses.replace(result.measurements[0], queries=more),)
    )
    second = saved(tmp_path / "second", [changed], space)

    with pytest.raises(PolymodalError, match="30 of 30 queries have other right answers"):
        compare([reports[0]], [second])


def test_tasks_that_keep_no_queries_or_no_ranks(tmp_path: Path) -> None:
    space = scenes()
    probe = Probe(("image",), methods=("class_mean",), min_count=4, folds=2)(space)
    silent = dataclasses.replace(probe.measurements[0], queries=None, query="text")
    result = dataclasses.replace(probe, measurements=(*probe.measurements, silent))
    report = saved(tmp_path / "probe", [result], space)

    found = compare([report], [report], resamples=20)

    assert [part.metric for part in found.compared[0].differences] == ["accuracy", "t1"]
    assert [(item.what, item.reason) for item in found.refused] == [
        ("probe text → class mean probe", "the task keeps no single queries")
    ]


def test_queries_in_another_order_are_joined_by_id(tmp_path: Path) -> None:
    space = scenes(size=30, classes=6)
    result = Retrieval((("image", "text"),))(space)
    queries = result.measurements[0].queries
    assert queries is not None
    turned = {
        field.name: value[::-1]
        for field in dataclasses.fields(queries)
        if (value := getattr(queries, field.name)) is not None
    }
    backwards = dataclasses.replace(queries, **turned)
    changed = dataclasses.replace(
        result, measurements=(dataclasses.replace(result.measurements[0], queries=backwards),)
    )
    first = saved(tmp_path / "first", [result], space)
    second = saved(tmp_path / "second", [changed], space)

    (item,) = compare([first], [second], resamples=20).compared

    assert item.headline.difference.low == item.headline.difference.high == 0.0
    assert read_report(tmp_path / "second").queries(second.lines[0]) is not None
