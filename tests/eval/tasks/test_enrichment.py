from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError, UnknownNameError
from polymodal_core.testing.task import check_task
from polymodal_eval.ranking import TIE
from polymodal_eval.results import Measurement, NotApplicable
from polymodal_eval.space import Space
from polymodal_eval.tasks.config import EnrichmentConfig
from polymodal_eval.tasks.enrichment import Enrichment
from polymodal_eval.tasks.retrieval import Retrieval

from tests.eval.worlds import embedding_table, row_table, scenes, space_of


def gappy(*, seed: int = 0, rows: int = 40, dim: int = 6) -> Space:
    """Rows of four columns with gaps, items that recur in rows, unknown instances and labels."""
    rng = np.random.default_rng(seed)
    instance = rng.integers(-1, 12, rows)
    label = np.where(instance >= 0, instance % 4, -1)
    items: dict[str, Any] = {"proto": np.where(rng.random(rows) < 0.2, -1, label)}
    centres = rng.normal(size=(14, dim))
    vectors: dict[str, Any] = {"proto": rng.normal(size=(4, dim)) + centres[:4]}
    for column, share in (("image", 0.1), ("text", 0.3), ("sound", 0.4)):
        held = np.where(rng.random(rows) < share, -1, rng.integers(0, 12, rows))
        used, items[column] = renumbered(held)
        vectors[column] = rng.normal(size=(used, dim)) + centres[:used].mean(axis=0)
    used, items["proto"] = renumbered(items["proto"])
    vectors["proto"] = vectors["proto"][:used]
    table = row_table(items, instance=instance, label=label, of_classes=["proto"])
    return space_of(embedding_table(vectors, table), resamples=50)


def renumbered(held: Any) -> tuple[int, Any]:
    names, place = np.unique(held, return_inverse=True)
    return int((names >= 0).sum()), place - int((names < 0).any())


def reference(
    space: Space, query: tuple[str, ...], gallery: tuple[str, ...], *, vectors_of: Any = None
) -> dict[tuple[int, ...], float] | None:
    """R@1 of every answerable query by loops over rows in float64, keyed by its items.

    `vectors_of` are the (query, gallery) columns whose vectors are used, all by default; of the
    gallery an item then counts once.
    """
    table = space.embeddings.table
    use_query, use_gallery = vectors_of or (query, gallery)
    by_label = any(set(side) <= table.of_classes for side in (query, gallery))
    groups = table.label if by_label else table.instance

    def collect(columns: tuple[str, ...], key: tuple[str, ...]) -> dict[tuple[int, ...], set[int]]:
        found: dict[tuple[int, ...], set[int]] = {}
        for row in range(len(table)):
            if all(table.items[column][row] >= 0 for column in columns):
                part = found.setdefault(tuple(int(table.items[c][row]) for c in key), set())
                part |= {int(groups[row])} - {-1}
        return found

    def vector(columns: tuple[str, ...], named: tuple[str, ...], items: tuple[int, ...]) -> Any:
        total = np.zeros(space.embeddings.vectors[columns[0]].shape[1])
        for column in columns:
            one = space.embeddings.vectors[column][items[named.index(column)]].astype(np.float64)
            total += one / np.linalg.norm(one)
        return total / np.linalg.norm(total)

    asked, stored = collect(query, query), collect(gallery, use_gallery)
    found = {}
    for key, groups_of in asked.items():
        one = vector(use_query, query, key)
        scores = {item: float(vector(use_gallery, use_gallery, item) @ one) for item in stored}
        right = [scores[item] for item, theirs in stored.items() if theirs & groups_of]
        wrong = [scores[item] for item, theirs in stored.items() if not theirs & groups_of]
        if right:
            found[key] = float(not wrong or max(wrong) < max(right) - TIE)
    return found or None


def keyed(space: Space, line: Measurement) -> dict[tuple[int, ...], float]:
    assert line.queries is not None
    ids = [tuple(int(part.split("/")[1]) for part in name.split(" + ")) for name in line.queries.id]
    assert len(set(ids)) == len(ids)
    return dict(zip(ids, line.queries.score.tolist(), strict=True))


@pytest.mark.parametrize("seed", [0, 1])
def test_every_combination_agrees_with_loops_over_rows(seed: int) -> None:
    space = gappy(seed=seed)

    found = Enrichment()(space)

    lines = {(line.query_columns, line.gallery_columns): line for line in found.measurements}
    skipped = {item.what for item in found.skipped}
    columns = space.embeddings.columns
    sets = [
        tuple(c for c, chosen in zip(columns, mask, strict=True) if chosen)
        for mask in product([False, True], repeat=4)
        if any(mask)
    ]
    measured = 0
    for query, gallery in product(sets, sets):
        if set(query) & set(gallery):
            assert (query, gallery) not in lines
            continue
        wanted = reference(space, query, gallery)
        if wanted is None:
            assert f"{' + '.join(query)} → {' + '.join(gallery)}" in skipped
            continue
        measured += 1
        line = lines[query, gallery]
        assert keyed(space, line) == wanted
        assert line.estimates["r@1"].value == pytest.approx(np.mean(list(wanted.values())))
        assert line.num_queries == len(wanted)
        table = space.embeddings.table
        for side, part in (("query", query), ("gallery", gallery)):
            missing = sum(
                any(table.items[column][row] < 0 for column in part) for row in range(len(table))
            )
            assert line.details["rows_left_out"][side] == missing
    assert measured + len(skipped) == 50
    assert measured > 40


@pytest.mark.parametrize("seed", [0])
def test_gains_compare_the_same_queries_by_one_columns_vectors(seed: int) -> None:
    space = gappy(seed=seed)
    compared = 0

    for line in Enrichment()(space).measurements:
        query, gallery = line.query_columns, line.gallery_columns
        own = keyed(space, line)
        by_label = line.protocol["relevance"] == "label"
        wanted = [
            pair
            for pair in product(query, gallery)
            if len(query) + len(gallery) > 2 and (by_label or "proto" not in pair)
        ]
        assert [(gain.query, gain.gallery) for gain in line.gains] == wanted
        for gain in line.gains:
            base = reference(space, query, gallery, vectors_of=((gain.query,), (gain.gallery,)))
            assert base is not None
            assert base.keys() == own.keys()
            assert gain.value == pytest.approx(np.mean(list(base.values())))
            difference = np.mean([own[key] - base[key] for key in own])
            assert gain.difference.value == pytest.approx(difference)
            if gain.difference.low is not None and gain.difference.high is not None:
                assert gain.difference.low <= gain.difference.value <= gain.difference.high
            compared += 1
    assert compared > 60


def test_single_columns_are_what_retrieval_measures() -> None:
    space = scenes()
    plain = {line.name: line for line in Retrieval()(space).measurements}

    found = Enrichment()(space).measurements

    assert len(found) == 12
    singles = [line for line in found if not line.gains]
    assert [line.name for line in singles] == list(plain)
    for line in singles:
        assert line.estimates == plain[line.name].estimates


def test_a_further_column_helps_where_it_knows_what_the_first_does_not() -> None:
    # One column knows the first half of the truth, the other the second: together all of it.
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(60, 16))
    first, second = truth.copy(), truth.copy()
    first[:, 8:] = 0.2 * rng.normal(size=(60, 8))
    second[:, :8] = 0.2 * rng.normal(size=(60, 8))
    noise = 1.6 * rng.normal(size=(60, 16))
    rows = list(range(60))
    table = row_table({"left": rows, "right": rows, "whole": rows})
    vectors = {"left": first, "right": second, "whole": truth + noise}
    space = space_of(embedding_table(vectors, table))

    found = {line.name: line for line in Enrichment()(space).measurements}

    for name in ("left + right → whole", "whole → left + right"):
        line = found[name]
        gain = line.smallest_gain
        assert gain is not None
        assert gain.difference.value == min(item.difference.value for item in line.gains)
        assert gain.difference.distinguishable is True
        assert gain.difference.low is not None
        assert gain.difference.low > 0
        assert line.estimates["r@1"].value == pytest.approx(gain.value + gain.difference.value)


def test_named_combinations_rule_and_ks() -> None:
    task = Enrichment(
        (("image",), ("image", "prototypes")), (("text",),), relevance="label", ks=(2,)
    )

    base, enriched = task(scenes()).measurements

    assert (base.name, enriched.name) == ("image → text", "image + prototypes → text")
    assert enriched.headline == "r@2"
    assert [(gain.query, gain.gallery) for gain in enriched.gains] == [
        ("image", "text"),
        ("prototypes", "text"),
    ]
    assert enriched.gains[0].value == pytest.approx(base.estimates["r@2"].value)
    assert enriched.protocol["relevance"] == "label"


def test_most_keeps_the_fewest_columns_of_either_side_and_says_what_is_left() -> None:
    found = Enrichment(most=8)(scenes())

    assert len(found.measurements) == 8
    sizes = [(len(line.query_columns), len(line.gallery_columns)) for line in found.measurements]
    assert sizes == [(1, 1)] * 6 + [(1, 2), (2, 1)]
    assert [(item.what, item.reason) for item in found.skipped] == [
        ("4 of 12 combinations", "only the 8 of fewest columns; most = 12 measures all")
    ]


def test_six_columns_are_cut_to_whole_numbers_of_columns_by_default() -> None:
    rng = np.random.default_rng(0)
    names = [f"c{number}" for number in range(6)]
    table = row_table({name: [0, 1] for name in names})
    vectors = {name: rng.normal(size=(2, 4)) for name in names}
    space = space_of(embedding_table(vectors, table), resamples=0)

    found = Enrichment()(space)

    assert len(found.measurements) == 6 * 5 + 2 * 6 * 10
    assert found.skipped[0].what == "452 of 602 combinations"
    named = Enrichment((("c0", "c1", "c2"),), (("c3", "c4", "c5"),))(space)
    assert [line.name for line in named.measurements] == ["c0 + c1 + c2 → c3 + c4 + c5"]
    assert len(named.measurements[0].gains) == 9


def test_a_combination_that_no_row_has_is_skipped_with_its_reason() -> None:
    table = row_table({"a": [0, -1, 1], "b": [-1, 0, 1], "c": [0, 1, -1]}, instance=[0, 0, 1])
    vectors = {"a": np.eye(2, 3), "b": np.eye(2, 3), "c": np.eye(2, 3)}

    found = Enrichment((("a", "c"), ("b", "a")), (("b",), ("c",)))(
        space_of(embedding_table(vectors, table))
    )

    reasons = {item.what: item.reason for item in found.skipped}
    assert reasons == {
        "b + a → c": "no b + a of split 'test' has a right answer in c by instance",
    }
    assert [line.name for line in found.measurements] == ["a + c → b"]
    empty = row_table({"a": [0, -1], "b": [-1, 0], "c": [0, 1]})
    vectors = {"a": np.eye(1, 3), "b": np.eye(1, 3), "c": np.eye(2, 3)}
    space = space_of(embedding_table(vectors, empty))
    with pytest.raises(NotApplicable, match="no row of split 'test' has a and b"):
        Enrichment((("a", "b"),), (("c",),))(space)


def test_what_does_not_apply_says_why() -> None:
    two = space_of(
        embedding_table({"a": np.eye(2), "b": np.eye(2)}, row_table({"a": [0, 1], "b": [0, 1]}))
    )
    with pytest.raises(NotApplicable, match=r"needs a combination .* split 'test' has a, b"):
        Enrichment()(two)
    with pytest.raises(NotApplicable, match="needs a combination"):
        Enrichment((("image", "text"),), (("text",),))(scenes())
    with pytest.raises(UnknownNameError, match="column 'txt'"):
        Enrichment((("image", "txt"),))(scenes())
    with pytest.raises(PolymodalError, match="'instance' is not defined for prototypes"):
        Enrichment((("prototypes",),), (("image", "text"),), relevance="instance")(scenes())


def test_the_task_meets_the_contract() -> None:
    result = check_task(EnrichmentConfig(most=9), scenes())

    assert len(result.measurements) == 9
