from __future__ import annotations

from polymodal_eval.report.tiles import tiles

from tests.eval.report.evaluations import evaluated


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
