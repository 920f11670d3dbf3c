"""Target columns: predicted, never inputs."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import pytest
import torch
from polymodal_core.batch import Batch, Features
from polymodal_core.config import ModalityConfig
from polymodal_core.errors import PolymodalError, RecipeError
from polymodal_core.model import Model
from polymodal_core.objective import JOINT, MapsWanted
from polymodal_core.plugins import Registry, registry
from polymodal_core.recipe import load_recipe, recipe_schema
from polymodal_core.token_maps import map_widths
from torch import Tensor, nn


class MapConfig(ModalityConfig):
    kind: Literal["map"] = "map"
    target: ClassVar[bool] = True
    size: int = 4


@pytest.fixture
def plugins() -> Registry:
    found = Registry(dict(registry().registrations))
    found.add("modality", MapConfig, "here")
    return found


def test_a_target_has_neither_encoder_nor_head(plugins: Registry) -> None:
    table = {"modalities": {"left": {"kind": "attributes"}, "map": {"size": 8}}}
    recipe = load_recipe(table, registry=plugins, sections={})
    assert list(recipe.columns) == ["left"]
    assert recipe.targets == {"map": MapConfig(size=8)}
    assert recipe.table["modalities"]["map"] == {"kind": "map", "size": 8}
    again = load_recipe(recipe.table, registry=plugins, sections={})
    assert again.targets == recipe.targets
    assert "MapConfig" in recipe_schema(registry=plugins, sections={})["$defs"]


@pytest.mark.parametrize(
    ("modalities", "said"),
    [
        ({"left": {"kind": "attributes"}, "map": {"encoder": {}}}, "is predicted and never"),
        ({"left": {"kind": "attributes"}, "map": {"head": {}}}, "is predicted and never"),
        ({"left": {"kind": "attributes"}, "map": {"sise": 8}}, "unknown key"),
        ({"map": {}}, "targets alone are declared"),
        ({"left": {"kind": "attributes"}, "map": {}, "other": {"share": "map"}}, "is no column"),
    ],
)
def test_refused(plugins: Registry, modalities: dict[str, object], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load_recipe({"modalities": modalities}, registry=plugins, sections={})


class Grid(nn.Module):
    """Tokens of a 2 x 3 grid behind one further token; features are the inputs [present, 7, 5]."""

    feature_dim = 5

    def __init__(self, grid: tuple[int, int] | None = (2, 3)) -> None:
        super().__init__()
        self.grid = grid

    def forward(self, inputs: Tensor) -> Features:
        mask = torch.ones(inputs.shape[:2], dtype=torch.bool)
        return Features(inputs.mean(dim=1), inputs, mask, grid=self.grid)


def model(**grids: tuple[int, int] | None) -> Model:
    encoders = {name: Grid(grid) for name, grid in grids.items()}
    return Model(encoders, {name: nn.Linear(5, 4) for name in grids}, dim=4)


def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    rows = {"left": torch.tensor([0, 2]), "right": torch.tensor([1, 2])}
    inputs = {name: torch.randn(2, 7, 5, generator=generator) for name in rows}
    unknown = torch.full((3,), -1)
    return Batch(inputs, rows, unknown, unknown, torch.arange(3))


def test_a_map_lays_out_the_last_tokens_row_by_row() -> None:
    given = batch()
    tower = model(left=(2, 3))
    found = tower(given, maps=MapsWanted(("left",), "left")).maps
    assert list(found) == ["left"]  # no other column: nothing joint
    assert found["left"].shape == (3, 5, 2, 3)
    for place, row in enumerate(given.rows["left"].tolist()):
        for y in range(2):
            for x in range(3):
                cell = given.inputs["left"][place, 1 + 3 * y + x]
                assert torch.equal(found["left"][row, :, y, x], cell)
    assert not found["left"][1].any()
    assert map_widths(tower) == {"left": 5}


def test_maps_that_cannot_be_had_are_refused() -> None:
    with pytest.raises(PolymodalError, match=r"column 'left' gives no map of tokens"):
        model(left=None)(batch(), maps=MapsWanted(("left",)))
    with pytest.raises(PolymodalError, match="there is no fusion by which 'left' could see"):
        model(left=(2, 3), right=None)(batch(), maps=MapsWanted((), "left"))
    assert JOINT not in model(left=(2, 3))(batch(), maps=MapsWanted((), None)).maps


def test_targets_by_row() -> None:
    values = torch.arange(8).reshape(2, 2, 2)
    given = dataclasses.replace(batch(), inputs={"map": values}, rows={"map": torch.tensor([2, 0])})
    found = given.target("map")
    assert found is not None
    assert found.tolist() == [values[1].tolist(), [[-1, -1], [-1, -1]], values[0].tolist()]
    assert given.target("other") is None
