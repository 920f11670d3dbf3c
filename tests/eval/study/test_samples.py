from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_eval.comparison.reports import Report
from polymodal_eval.study.cells import Quantity
from polymodal_eval.study.formulas import Mean, estimates, groups_of
from polymodal_eval.study.samples import NotMeasured, samples_of, shared
from polymodal_eval.tasks.probe import Probe
from polymodal_eval.tasks.retrieval import Retrieval
from polymodal_eval.tasks.trained_classes import TrainedClasses
from polymodal_eval.tasks.zero_shot import ZeroShot

from tests.eval.comparison.saved import run, saved
from tests.eval.worlds import scenes


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[Report]:
    folder = tmp_path_factory.mktemp("runs")
    return [run(folder / f"run{seed}", seed=seed, size=20) for seed in range(3)]


def quantity(metric: str, *pairs: Any, task: str = "retrieval", split: Any = None) -> Quantity:
    chosen = tuple(((query,), (gallery,)) for query, gallery in pairs)
    return Quantity({}, ("seed",), task, split, metric, chosen or None)


@pytest.mark.parametrize("metric", ["r@1", "r@5", "r_precision", "map", "median_rank"])
def test_values_by_run_are_those_of_the_reports(reports: list[Report], metric: str) -> None:
    (sample,) = samples_of(quantity(metric, ("text", "image")), reports, ["0", "1", "2"])
    wanted = []
    for report in reports:
        line = next(line for line in report.lines if line.key == ("retrieval", "text", "image"))
        if metric == "map":  # no estimate of it in a report: out of its queries
            queries = report.queries(line)
            assert queries is not None
            assert queries.average_precision is not None
            wanted.append(float(np.mean(queries.average_precision)))
        else:
            wanted.append(line.content["estimates"][metric]["value"])
    assert sample.by_run == pytest.approx(wanted)
    assert sample.values.shape == (3, 40)


def test_accuracy_averaged_over_classes(reports: list[Report]) -> None:
    (sample,) = samples_of(
        quantity("t1", ("image", "prototypes"), task="zero_shot"), reports[:2], ["0", "1"]
    )
    wanted = [
        next(
            line for line in report.lines if line.key == ("zero_shot", "image", "prototypes")
        ).content["estimates"]["t1"]["value"]
        for report in reports[:2]
    ]
    assert sample.by_run == pytest.approx(wanted)


def test_without_pairs_all_of_a_task(reports: list[Report]) -> None:
    found = samples_of(quantity("r@1"), reports, ["0", "1", "2"])
    assert len(found) == 6
    assert {sample.line.task for sample in found} == {"retrieval"}


def test_what_was_not_measured_is_said(reports: list[Report], tmp_path: Path) -> None:
    def reason(wanted: Quantity, *runs: Report) -> str:
        with pytest.raises(NotMeasured) as caught:
            samples_of(wanted, runs or reports, ["0", "1", "2"])
        return str(caught.value)

    assert reason(quantity("r@1", ("image", "depth"))) == (
        "retrieval image → depth was not evaluated"
    )
    assert reason(quantity("r@1", ("image", "text"), split="validation")) == (
        "retrieval on validation image → text was not evaluated"
    )
    assert "has no recall query by query; it has r@1, " in reason(
        quantity("recall", ("image", "text"))
    )
    spaces = [scenes(size=20, split=split) for split in ("test", "validation")]
    two = saved(tmp_path / "two", [Retrieval()(space) for space in spaces], *spaces)
    assert reason(quantity("r@1", ("image", "text")), two).endswith(
        "was evaluated on the splits test, validation; choose one with split"
    )
    space = scenes(size=20)
    instances = saved(tmp_path / "label", [Retrieval(relevance="label")(space)], space)
    assert "relevance instance against label" in reason(
        quantity("r@1", ("image", "text")), reports[0], instances
    )
    elsewhere = run(tmp_path / "other", seed=1, size=20, store="xyz")
    assert "stores with other contents" in reason(quantity("r@1"), reports[0], elsewhere)


def test_a_probe_is_found_by_its_name(tmp_path: Path) -> None:
    space = scenes(size=60, classes=3)
    report = saved(tmp_path / "probe", [Probe(min_count=5)(space)], space)
    (sample,) = samples_of(
        quantity("accuracy", ("image", "linear probe"), task="probe"), [report], ["0"]
    )
    line = next(line for line in report.lines if line.content["gallery"] == "linear probe")
    assert sample.by_run[0] == pytest.approx(line.content["estimates"]["accuracy"]["value"])


def test_samples_of_one_pair_are_cut_to_the_queries_that_both_have(
    reports: list[Report],
) -> None:
    (one,) = samples_of(quantity("r@1", ("text", "image")), [reports[0]], ["0"])
    (other,) = samples_of(quantity("r@1", ("text", "image")), [reports[1]], ["0"])
    assert shared(one, other) == (one, other)
    few = other.taken(np.array([5, 3, 8]))
    first, second = shared(one.taken(np.array([3, 4, 5])), few)
    assert first.keys == second.keys == (one.keys[3], one.keys[5])
    assert first.values[0] == pytest.approx(one.values[0, [3, 5]])
    assert second.values[0] == pytest.approx(other.values[0, [3, 5]])
    with pytest.raises(NotMeasured, match="share no query"):
        shared(one.taken(np.array([1])), few)
    (image,) = samples_of(quantity("r@1", ("image", "text")), [reports[0]], ["0"])
    assert shared(one, image) == (one, image)  # other pairs: paired by instance alone


def trained_and_zero_shot(folder: Path) -> tuple[Report, Report]:
    """Pictures classified by class layers, in a store of their own; and, elsewhere, zero-shot."""
    space = scenes(size=20, classes=5)
    centres = space.embeddings.vectors["prototypes"]
    classifier = replace(space, classify=lambda columns, vectors: vectors @ -centres.T)
    elsewhere = replace(scenes(size=20, classes=5), split="test of things")
    return (
        saved(folder / "trained", [TrainedClasses()(classifier)], classifier, store="xyz"),
        saved(folder / "zero", [ZeroShot()(elsewhere)], elsewhere, others={"things": "xyz"}),
    )


def test_two_tasks_are_paired_by_their_queries_wherever_these_lie(tmp_path: Path) -> None:
    trained, zero = trained_and_zero_shot(tmp_path)
    (one,) = samples_of(
        quantity("accuracy", ("image", "label"), task="classification"), [trained], ["0"]
    )
    (two,) = samples_of(
        quantity("accuracy", ("image", "prototypes"), task="zero_shot"), [zero], ["0"]
    )
    assert one.store == two.store == "xyz"
    assert one.keys == two.keys
    first, second = shared(one.taken(np.arange(4, 20)), two.taken(np.arange(12)))
    assert first.keys == second.keys == one.keys[4:12]
    groups = groups_of([one, two])
    assert groups[0].tolist() == groups[1].tolist()
    assert len(set(groups[0].tolist())) == 20


def test_stores_number_their_instances_each_for_itself(tmp_path: Path) -> None:
    (one,) = samples_of(quantity("r@1", ("image", "text")), [run(tmp_path / "a", seed=0)], ["0"])
    elsewhere = replace(one, store="xyz")
    groups = groups_of([one, elsewhere])
    assert not set(groups[0].tolist()) & set(groups[1].tolist())
    with pytest.raises(NotMeasured, match="stores with other contents"):
        shared(one, replace(one, report=run(tmp_path / "b", seed=0, store="xyz")))


def _layers(seed: int) -> Any:
    layers = np.random.default_rng(seed).normal(size=(8, 5))
    return lambda columns, vectors: vectors @ layers


@pytest.mark.parametrize("metric", ["precision", "recall", "f1", "f1_weighted"])
def test_scores_of_classes_are_those_of_the_reports(tmp_path: Path, metric: str) -> None:
    reports = []
    for seed in range(2):
        space = scenes(size=30, classes=5)
        space = replace(space, classify=_layers(seed))
        reports.append(saved(tmp_path / str(seed), [TrainedClasses()(space)], space))
    chosen = quantity(metric, ("row", "label"), task="classification")
    (sample,) = samples_of(chosen, reports, ["0", "1"])
    wanted = [
        next(x for x in report.lines if x.content["query"] == "row").content["estimates"][metric]
        for report in reports
    ]
    assert sample.by_run == pytest.approx([item["value"] for item in wanted])
    (found,) = estimates([Mean((replace(sample, run_keys=("0", "1")),))], resamples=200)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
