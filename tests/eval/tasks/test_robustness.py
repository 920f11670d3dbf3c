from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError, UnknownNameError
from polymodal_eval.entries import entries_of, without
from polymodal_eval.results import NotApplicable
from polymodal_eval.space import Space
from polymodal_eval.tasks.config import RobustnessConfig
from polymodal_eval.tasks.removal import lost_entries
from polymodal_eval.tasks.robustness import Robustness
from pydantic import ValidationError

from tests.eval.worlds import embedding_table, row_table, scenes, space_of, unit


class Damage:
    """Embeds damaged items: noise on their vectors; counts how often it was asked."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.asked: list[tuple[str, str, float]] = []

    def __call__(self, column: str, corruption: str, severity: float) -> Any:
        self.asked.append((column, corruption, severity))
        embeddings = self.space.embeddings
        vectors = {**embeddings.vectors, column: self.vectors(column, corruption, severity)}
        return dataclasses.replace(embeddings, vectors=vectors)

    def vectors(self, column: str, corruption: str, severity: float) -> Any:
        clean = self.space.embeddings.vectors[column]
        if corruption == "blank":
            return unit(np.where(severity == 1, np.eye(clean.shape[1])[0], clean))
        noise = np.random.default_rng(len(corruption)).normal(size=clean.shape)
        return unit(clean + 3 * severity * noise)


def damaged(space: Space | None = None) -> tuple[Space, Damage]:
    space = scenes() if space is None else space
    damage = Damage(space)
    corruptions = {"image": ("noise", "blank"), "text": ("noise",), "prototypes": ()}
    return dataclasses.replace(space, corruptions=corruptions, corrupted=damage), damage


def hit_rate(queries: Any, gallery: Any, right: list[set[int]], k: int) -> list[float]:
    """Whether a right answer is among the first k, loop by loop; a tie never helps."""
    found = []
    for vector, answers in zip(queries, right, strict=True):
        scores = [float(np.dot(vector.astype(np.float64), other)) for other in gallery]
        best = max(scores[number] for number in answers)
        before = sum(
            score >= best - 1e-6 for number, score in enumerate(scores) if number not in answers
        )
        found.append(float(before < k))
    return found


def test_every_figure_against_a_reference() -> None:
    space, damage = damaged()
    result = Robustness(((("image",), ("text",)),), severities=(0.5, 1.0), ks=(1, 3))(space)

    table, vectors = space.embeddings.table, space.embeddings.vectors
    right = [
        {int(table.items["text"][row]) for row in np.flatnonzero(table.items["image"] == item)}
        for item in range(len(vectors["image"]))
    ]
    clean = hit_rate(vectors["image"], vectors["text"], right, 1)
    lines = result.measurements
    assert [(item.details["corruption"], item.details["severity"]) for item in lines] == [
        ("clean", 0.0),
        ("noise", 0.5),
        ("noise", 1.0),
        ("blank", 0.5),
        ("blank", 1.0),
    ]
    assert lines[0].estimates["r@1"].value == pytest.approx(np.mean(clean))
    for item in lines[1:]:
        moved = damage.vectors("image", item.details["corruption"], item.details["severity"])
        for k in (1, 3):
            wanted = np.mean(hit_rate(moved, vectors["text"], right, k))
            assert item.estimates[f"r@{k}"].value == pytest.approx(wanted), item.name
        lost = np.mean(clean) - np.mean(hit_rate(moved, vectors["text"], right, 1))
        assert item.details["lost"]["value"] == pytest.approx(lost)
        assert item.details["lost"]["low"] <= lost <= item.details["lost"]["high"]
    assert lines[3].details["lost"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert lines[4].details["lost"]["low"] > 0


def test_every_line_has_a_name_of_its_own_and_keeps_its_columns() -> None:
    space, _ = damaged()
    result = Robustness(severities=(1.0,))(space)
    names = [item.name for item in result.measurements]
    assert len(set(names)) == len(names) == 2 * 3 + 2 * 2
    assert "image (noise 1) → text" in names
    assert {item.query_columns for item in result.measurements} == {("image",), ("text",)}
    assert [item.what for item in result.skipped] == ["prototypes", "removal of a column"]
    assert result.measurements[1].queries is not None


def test_a_damaged_column_is_embedded_once_for_all_galleries() -> None:
    space, damage = damaged()
    Robustness(severities=(0.5, 1.0))(space)
    assert len(damage.asked) == len(set(damage.asked)) == 2 * 2 + 2


def test_chosen_corruptions() -> None:
    space, _ = damaged()
    found = Robustness(((("image",), ("text",)), (("text",), ("image",))), corruptions=("blank",))(
        space
    )
    assert {item.details["corruption"] for item in found.measurements} == {"clean", "blank"}
    assert [item.what for item in found.skipped] == ["text", "removal of a column"]
    with pytest.raises(UnknownNameError, match="'blnk'; did you mean 'blank'"):
        Robustness(corruptions=("blnk",))(space)
    with pytest.raises(UnknownNameError, match="'imag'"):
        Robustness(((("imag",), ("text",)),))(space)


def test_items_of_several_rows_and_rows_without() -> None:
    # Item numbers are places in the table of vectors, whatever row holds them.
    table = row_table({"a": [2, -1, 0, 0, 1], "b": [0, 1, 2, 3, -1]}, instance=[7, 8, 9, 9, 6])
    vectors = {"a": np.eye(4)[:3], "b": np.eye(4)[[2, 1, 0, 3]]}
    space = space_of(embedding_table(vectors, table))

    def moved(column: str, name: str, severity: float) -> Any:
        assert (column, name) == ("a", "turn")
        vectors = {**space.embeddings.vectors, "a": unit(np.eye(4)[[0, 1, 3]])}
        return dataclasses.replace(space.embeddings, vectors=vectors)

    space = dataclasses.replace(space, corruptions={"a": ("turn",)}, corrupted=moved)
    clean, turned = Robustness(((("a",), ("b",)),), severities=(1.0,), ks=(1,))(space).measurements
    assert (clean.num_queries, clean.estimates["r@1"].value) == (2, 1.0)
    assert (turned.num_queries, turned.estimates["r@1"].value) == (2, 0.5)
    assert turned.details["lost"]["value"] == 0.5


def test_nothing_to_measure() -> None:
    with pytest.raises(NotApplicable, match="has none of the corruptions"):
        Robustness()(scenes())
    space = dataclasses.replace(scenes(), corruptions={"image": ("noise",)})
    with pytest.raises(NotApplicable, match="no stored values to damage"):
        Robustness()(space)
    table = row_table({"a": [0, -1], "b": [-1, 0]}, instance=[0, 1])
    apart = space_of(embedding_table({"a": np.eye(2)[:1], "b": np.eye(2)[1:]}, table))
    damage = Damage(apart)
    apart = dataclasses.replace(apart, corruptions={"a": ("noise",)}, corrupted=damage)
    with pytest.raises(NotApplicable, match="no a of split 'test' has a right answer in b"):
        Robustness(((("a",), ("b",)),))(apart)
    assert damage.asked == []


def test_options() -> None:
    task = RobustnessConfig(severities=(1.0, 0.1, 1.0)).build()
    assert isinstance(task, Robustness)
    assert task.severities == (0.1, 1.0)
    for severity in (0.0, 1.1):
        with pytest.raises(ValidationError):
            RobustnessConfig(severities=(severity,))


def triplets(*, size: int = 30, seed: int = 4) -> Space:
    """Rows of three columns, some of them missing a value, some sharing one."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(size, 6))
    items = {name: np.arange(size) for name in "abc"}
    items["a"] = np.append(items["a"], [0, 1])  # two items of `a` in two rows each
    items["b"] = np.append(items["b"], [2, -1])
    items["c"] = np.append(items["c"], [-1, 4])
    instance = np.append(np.arange(size), [0, 1])
    vectors = {
        name: centres + scale * rng.normal(size=(size, 6))
        for name, scale in zip("abc", (0.9, 0.5, 0.7), strict=True)
    }
    return space_of(embedding_table(vectors, row_table(items, instance=instance)))


def reference(space: Space, gone: dict[str, set[int]], gallery_gone: bool) -> float:
    """R@1 of a + b over c, or of c over a + b, with values of a column gone: loop by loop."""
    table, vectors = space.embeddings.table, space.embeddings.vectors
    rows = range(len(table))
    pairs = sorted(
        {
            (table.items["a"][r], table.items["b"][r])
            for r in rows
            if min(table.items["a"][r], table.items["b"][r]) >= 0
        }
    )
    combined: Any = []
    for a, b in pairs:
        kept = [(c, i) for c, i in (("a", a), ("b", b)) if i not in gone.get(c, set())]
        total = sum(vectors[c][i].astype(np.float64) for c, i in kept)
        combined.append(total / np.linalg.norm(total))
    instances = {
        "c": [
            {table.instance[r] for r in rows if table.items["c"][r] == i}
            for i in range(len(vectors["c"]))
        ],
        "ab": [
            {table.instance[r] for r in rows if (table.items["a"][r], table.items["b"][r]) == pair}
            for pair in pairs
        ],
    }
    if gallery_gone:
        queries, asked, gallery, there = vectors["c"], instances["c"], combined, instances["ab"]
    else:
        queries, asked, gallery, there = combined, instances["ab"], vectors["c"], instances["c"]
    right = [{n for n, found in enumerate(there) if found & wanted} for wanted in asked]
    asking = [n for n, found in enumerate(right) if found]
    hits = hit_rate([queries[n] for n in asking], gallery, [right[n] for n in asking], 1)
    return float(np.mean(hits))


@pytest.mark.parametrize("of_gallery", [False, True])
def test_removal_against_a_reference(of_gallery: bool) -> None:
    space = triplets()
    sides = (("a", "b"), ("c",))
    pair = (sides[1], sides[0]) if of_gallery else sides
    result = Robustness((pair,), corruptions=(), removal=(0.5, 1.0))(space)
    lines = result.measurements
    assert [(item.details.get("column"), item.details["severity"]) for item in lines] == [
        (None, 0.0),
        ("a", 0.5),
        ("a", 1.0),
        ("b", 0.5),
        ("b", 1.0),
    ]
    assert len({item.name for item in lines}) == len(lines)
    combined = entries_of(space.embeddings, ("a", "b"))
    clean = reference(space, {}, of_gallery)
    assert lines[0].estimates["r@1"].value == pytest.approx(clean)
    for item in lines[1:]:
        column, share = item.details["column"], item.details["severity"]
        lost = lost_entries(space, combined, column, share)
        gone = set(combined.items_of(column)[lost].tolist())
        assert len(gone) == round(share * len(set(combined.items_of(column).tolist())))
        wanted = reference(space, {column: gone}, of_gallery)
        assert item.estimates["r@1"].value == pytest.approx(wanted), item.name
        assert item.details["lost"]["value"] == pytest.approx(clean - wanted)
        assert item.num_queries == lines[0].num_queries


def test_without_all_items_of_a_column_the_others_are_alone() -> None:
    space = triplets()
    combined = entries_of(space.embeddings, ("a", "b"))
    everything = lost_entries(space, combined, "a", 1.0)
    assert everything.all()
    found = without(space.embeddings, combined, "a", everything)
    np.testing.assert_array_equal(
        found.vectors, space.embeddings.vectors["b"][combined.items_of("b")]
    )
    with pytest.raises(PolymodalError, match="is nothing without it"):
        without(space.embeddings, entries_of(space.embeddings, ("a",)), "a", np.ones(30, bool))


def test_what_is_gone_at_one_share_is_gone_at_a_larger_one() -> None:
    space = triplets()
    entries = entries_of(space.embeddings, ("a", "b"))
    shares = [lost_entries(space, entries, "a", share) for share in (0.0, 0.3, 0.6, 1.0)]
    assert not shares[0].any()
    for smaller, larger in itertools.pairwise(shares):
        assert (larger >= smaller).all()
        assert larger.sum() > smaller.sum()


def test_columns_are_removed_by_default_from_all_but_the_gallery() -> None:
    found = Robustness(corruptions=(), removal=(1.0,))(triplets())
    assert [item.name for item in found.measurements if "lost" not in item.details] == [
        "b + c → a",
        "a + c → b",
        "a + b → c",
    ]
    assert len(found.measurements) == 3 * 3
    with pytest.raises(NotApplicable, match="it takes three columns"):
        Robustness(corruptions=())(scenes())


def test_each_column_of_a_combined_query_is_damaged_in_its_turn() -> None:
    space, damage = damaged()
    pairs = ((("image", "text"), ("prototypes",)),)
    found = Robustness(pairs, severities=(1.0,), removal=())(space)
    names = [item.name for item in found.measurements]
    assert names == ["image + text → prototypes"] + [
        f"image + text ({what} 1) → prototypes"
        for what in ("image noise", "image blank", "text noise")
    ]
    moved = damage.vectors("text", "noise", 1.0)
    combined = entries_of(space.embeddings, ("image", "text"))
    vectors = unit(
        space.embeddings.vectors["image"][combined.items_of("image")]
        + moved[combined.items_of("text")]
    )
    labels = space.embeddings.table.label[
        [list(combined.of_row).index(n) for n in range(len(combined))]
    ]
    hits = hit_rate(
        vectors, space.embeddings.vectors["prototypes"], [{int(label)} for label in labels], 1
    )
    assert found.measurements[-1].estimates["r@1"].value == pytest.approx(np.mean(hits))


def test_pairs_as_recipes_give_them() -> None:
    task = RobustnessConfig(pairs=(("image", "text"), (("image", "depth"), "text"))).build()
    assert isinstance(task, Robustness)
    assert task.pairs == ((("image",), ("text",)), (("image", "depth"), ("text",)))
    for wrong, message in (
        ((("image", "depth"), "image"), "image would be on both sides"),
        ((("a", "a"), "b"), "each once"),
    ):
        with pytest.raises(ValidationError, match=message):
            RobustnessConfig(pairs=(wrong,))
