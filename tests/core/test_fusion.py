"""The model with a fusion: who sees whom, rows that lack columns, several columns together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pytest
import torch
from polymodal_core.batch import Batch, Features
from polymodal_core.build_model import build_model
from polymodal_core.config import FusionConfig
from polymodal_core.errors import PolymodalError, RecipeError
from polymodal_core.fusion import Exchange, Fused
from polymodal_core.model import Model
from polymodal_core.recipe import load_recipe, recipe_schema, write_toml
from polymodal_core.run import fitted_modalities
from torch import Tensor, nn

from tests.core.toys import toy_registry

DIM, SIZE = 3, 4


class Sum(nn.Module):
    """Gives every column of a row the sum of all of them, and remembers what it was shown."""

    def __init__(self, feature_dims: Mapping[str, int], *, gain: float, weighted: bool) -> None:
        super().__init__()
        self.feature_dim = 5
        self.gain = nn.Parameter(torch.tensor(gain))
        self.weighted = weighted
        self.inputs = nn.ModuleList(nn.Linear(dim, 5) for dim in feature_dims.values())
        self.place = {name: number for number, name in enumerate(feature_dims)}
        self.shown: list[tuple[str, ...]] = []

    def forward(
        self, features: Mapping[str, Features], rows: Mapping[str, Tensor], *, size: int
    ) -> Fused:
        self.shown.append(tuple(features))
        total = torch.zeros(size, 5)
        for column, found in features.items():
            total = total.index_add(0, rows[column], self.inputs[self.place[column]](found.pooled))
        fused, weights = {}, {}
        for number, column in enumerate(features):
            fused[column] = (number + self.gain) * total[rows[column]]
            weights[column] = torch.full((len(rows[column]),), float(number + 1))
        return Fused(fused, weights if self.weighted else None)


class SumConfig(FusionConfig):
    """A toy fusion."""

    kind: Literal["sum"] = "sum"
    gain: float = 1.0
    weighted: bool = False
    columns: tuple[str, ...] | None = None

    def build(self, *, feature_dims: Mapping[str, int]) -> Sum:
        return Sum(feature_dims, gain=self.gain, weighted=self.weighted)


REGISTRY = toy_registry()
REGISTRY.add("fusion", SumConfig, "toys")
TABLE: dict[str, Any] = {
    "modalities": {"number": {}, "height": {"kind": "number"}, "depth": {"kind": "number"}},
    "embedding": {"dim": DIM, "head": {"kind": "linear"}},
    "fusion": {"kind": "sum"},
}


def build(**fusion: Any) -> Model:
    torch.manual_seed(0)
    table = {**TABLE, "fusion": {"kind": "sum", **fusion}}
    recipe = load_recipe(table, registry=REGISTRY, sections={})
    modalities = fitted_modalities(
        recipe, {name: {"mean": 0.0, "std": 1.0} for name in recipe.columns}
    )
    return build_model(recipe.columns, modalities, dim=DIM, fusion=recipe.fusion).eval()


def batch(rows: Mapping[str, list[int]], *, seed: int = 0) -> Batch:
    unknown = torch.full((SIZE,), -1)
    inputs = {
        name: torch.randn(SIZE, 1, generator=torch.Generator().manual_seed(seed + number))[found]
        for number, (name, found) in enumerate(rows.items())
    }
    places = {name: torch.tensor(found) for name, found in rows.items()}
    return Batch(inputs, places, unknown, unknown, torch.arange(SIZE))


ROWS = {"number": [0, 1, 3], "height": [0, 2, 3], "depth": [0, 1, 2, 3]}
SIDES = Exchange.across([("number", "depth"), ("height",)])


def test_across_compares_columns_of_different_sides() -> None:
    assert SIDES.compare == frozenset({("number", "height"), ("depth", "height")})
    every = frozenset({("a", "b"), ("a", "c"), ("b", "c")})
    assert Exchange.across([("a",), ("b",), ("c",)]).compare == every


def test_heads_are_as_wide_as_the_fusion_and_weights_belong_to_heads() -> None:
    model = build()
    assert {head.projection.in_features for head in model.heads.values()} == {5}  # type: ignore[union-attr]
    groups = model.parameter_groups()
    assert any(item is model.fusion.gain for item in groups["heads"])  # type: ignore[union-attr]


def test_columns_of_a_side_alone_see_each_other() -> None:
    model = build()
    given, other = batch(ROWS), batch(ROWS)
    other.inputs["depth"].add_(1.0)
    first, second = model(given, SIDES), model(other, SIDES)
    assert first.compare == SIDES.compare
    assert torch.equal(first.z["height"], second.z["height"])
    # Number is in rows 0, 1 and 3, all of which have depth.
    assert (first.z["number"] != second.z["number"]).any(dim=1).tolist() == [
        True,
        True,
        False,
        True,
    ]
    assert torch.equal(first.present["number"], torch.tensor([True, True, False, True]))
    assert not first.z["number"][2].any()


@pytest.mark.parametrize("weighted", [False, True])
def test_a_side_is_compared_by_what_an_evaluation_makes_of_it(weighted: bool) -> None:
    model = build(weighted=weighted)
    given = batch(ROWS)
    found = model(given, SIDES)
    side = {name: model.features(name, given.inputs[name]) for name in ("number", "depth")}
    expected = model.combine(side, {name: given.rows[name] for name in side}, size=SIZE)
    for name in side:
        assert torch.equal(found.z[name][ROWS[name]], expected[ROWS[name]])
    assert torch.equal(found.z["number"][0], found.z["depth"][0])


def test_columns_of_a_side_that_are_compared_keep_vectors_of_their_own() -> None:
    given = batch(ROWS)
    found = build()(given, Exchange((("number", "height", "depth"),)))
    assert not torch.allclose(found.z["number"][0], found.z["depth"][0])
    assert Exchange((("a", "b"),)).compares_within(["a", "b"])
    assert Exchange((("a", "b"),), frozenset({("b", "a")})).compares_within(["a", "b"])
    assert not Exchange.across([("a", "b"), ("c",)]).compares_within(["a", "b"])


def test_without_sides_every_column_is_seen_alone() -> None:
    model = build()
    given = batch(ROWS)
    found = model(given)
    assert model.fusion.shown == [("number",), ("height",), ("depth",)]  # type: ignore[union-attr]
    assert found.compare is None
    for name, rows in ROWS.items():
        assert torch.equal(found.z[name][rows], model.embed(name, given.inputs[name]))


def test_a_side_that_the_batch_lacks_is_absent() -> None:
    found = build()(batch({"number": [0, 1], "depth": [1]}), SIDES)
    assert not found.present["height"].any()
    assert not found.z["height"].any()
    assert found.present["depth"].tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    "sides", [[("number", "depth")], [("number",), ("number", "depth", "height")]]
)
def test_sides_hold_every_column_once(sides: list[tuple[str, ...]]) -> None:
    with pytest.raises(PolymodalError, match="do not hold each of the columns"):
        build()(batch(ROWS), Exchange.across(sides))


@pytest.mark.parametrize("weighted", [False, True])
def test_several_columns_make_the_weighted_mean_of_what_they_become_together(
    weighted: bool,
) -> None:
    model = build(weighted=weighted)
    given = batch(ROWS)
    features = {name: model.features(name, given.inputs[name]) for name in ("height", "number")}
    rows = {name: given.rows[name] for name in features}
    with torch.no_grad():
        found = model.combine(features, rows, size=SIZE)
        fused: Any = model.fusion(features, rows, size=SIZE)  # type: ignore[misc]
        wanted = torch.zeros(SIZE, DIM, dtype=torch.float64)
        for number, name in enumerate(features):
            for row, value in zip(ROWS[name], model.heads[name](fused.features[name]), strict=True):
                wanted[row] += (number + 1 if weighted else 1) * value.double()
    wanted = wanted / wanted.norm(dim=1, keepdim=True)
    torch.testing.assert_close(found[[0, 1, 2, 3]].double(), wanted, atol=1e-6, rtol=0)
    alone = model.combine({"number": features["number"]})
    torch.testing.assert_close(alone, model.embed("number", given.inputs["number"]))


def test_rows_without_any_of_the_columns_are_zero() -> None:
    model = build()
    given = batch(ROWS)
    found = model.combine(
        {"height": model.features("height", given.inputs["height"])},
        {"height": given.rows["height"]},
        size=SIZE,
    )
    assert found.any(dim=1).tolist() == [True, False, True, True]


def test_a_model_without_fusion_combines_by_the_mean() -> None:
    recipe = load_recipe({**TABLE, "fusion": False}, registry=REGISTRY, sections={})
    assert recipe.fusion is None
    assert "fusion" not in recipe.table
    modalities = fitted_modalities(recipe, {n: {"mean": 0.0, "std": 1.0} for n in recipe.columns})
    model = build_model(recipe.columns, modalities, dim=DIM).eval()
    assert not any(name.startswith("fusion") for name in model.state_dict())
    given = batch({name: [0, 1, 2, 3] for name in ROWS})
    features = {name: model.features(name, given.inputs[name]) for name in ROWS}
    mean = sum(model.embed(name, given.inputs[name]) for name in ROWS)
    assert isinstance(mean, Tensor)
    torch.testing.assert_close(model.combine(features), nn.functional.normalize(mean, dim=-1))
    assert model(given, None).compare is None


def test_the_section_is_validated_resolved_and_in_the_schema() -> None:
    recipe = load_recipe(TABLE, registry=REGISTRY, sections={})
    assert recipe.table["fusion"] == {"kind": "sum", "gain": 1.0, "weighted": False}
    assert 'kind = "sum"' in write_toml(recipe.table)
    schema = recipe_schema(registry=REGISTRY, sections={})
    assert schema["properties"]["fusion"]["default"] is False
    assert "fusion" not in recipe_schema(registry=toy_registry(), sections={})["properties"]
    plain = {name: value for name, value in TABLE.items() if name != "fusion"}
    assert load_recipe(plain, registry=toy_registry(), sections={}).fusion is None


@pytest.mark.parametrize(
    ("fusion", "message"),
    [
        ({"kind": "summ"}, "fusion.kind: Input should be 'sum'; given 'summ'"),
        ({"kind": "sum", "gian": 1}, "fusion.gian: unknown key; did you mean 'gain'"),
        ({"kind": "sum", "columns": ["numbr"]}, "fusion.columns: unknown column 'numbr'; did you"),
        (3, "fusion: must be a table; given 3"),
        (True, "fusion: must be a table; given True"),
    ],
)
def test_a_bad_section_is_a_problem_with_its_path(fusion: Any, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe({**TABLE, "fusion": fusion}, registry=REGISTRY, sections={})
    assert message in str(caught.value)


def test_without_a_plug_in_the_section_says_what_is_missing() -> None:
    with pytest.raises(RecipeError, match="fusion: no fusion is installed"):
        load_recipe(TABLE, registry=toy_registry(), sections={})
