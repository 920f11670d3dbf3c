from __future__ import annotations

from polymodal_eval.report.charts import percent
from polymodal_eval.report.tiles import tiles
from polymodal_eval.results import verdict
from polymodal_eval.tasks.enrichment import Enrichment

from tests.eval.report.evaluations import evaluated
from tests.eval.worlds import scenes


def test_tiles_name_the_mean_of_retrieval_and_the_first_of_other_tasks() -> None:
    given = evaluated()
    retrieval, zero_shot = tiles(given.results[:2])

    values = [item.estimates["r@1"].value for item in given.results[0].measurements]
    assert retrieval["label"] == "mean R@1"
    assert retrieval["value"] == f"{100 * sum(values) / 6:.1f}\u202f%"
    above = sum(
        item.estimates["r@1"].above_chance is True for item in given.results[0].measurements
    )
    assert f"{above} of 6 ordered pairs" in retrieval["note"]
    assert zero_shot["label"] == "image → prototypes"
    assert zero_shot["split"] == "heldout"


def test_pairs_that_never_met_have_a_tile_of_their_own() -> None:
    (result,) = evaluated().results[:1]
    met, apart = tiles([result], frozenset({frozenset({"image", "text"})}))

    values = {item.name: item.estimates["r@1"].value for item in result.measurements}
    trained = [values["image → text"], values["text → image"]]
    others = [value for name, value in values.items() if "prototypes" in name]
    assert met["value"] == percent(sum(trained) / 2)
    assert "of 2 trained ordered pairs" in met["note"]
    assert apart["value"] == percent(sum(others) / 4)
    assert "of 4 ordered pairs that never met in training" in apart["note"]


def test_combinations_are_counted_against_the_best_of_their_columns() -> None:
    result = Enrichment()(scenes())

    (tile,) = tiles([result])

    verdicts = [verdict(item) for item in result.measurements if item.gains]
    assert tile["value"] == f"{verdicts.count('better')} of 6"
    assert f"{verdicts.count('worse')} are worse" in tile["note"]
