"""Augmented views of items, computed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.errors import RecipeError
from polymodal_core.model import Model
from polymodal_core.plugins import registry
from polymodal_core.rows import Column, Item, Row
from polymodal_datasets.frozen_features import CachedModality
from polymodal_datasets.generators import View
from polymodal_datasets.item_features import FeatureTable
from polymodal_trainer.batches import training_batches
from polymodal_trainer.features import cache_features, num_cached_items
from polymodal_trainer.resolve import read_recipe
from polymodal_trainer.run import run
from polymodal_trainer.start import Setup, build

from tests.trainer.conftest import assert_same_run, lines, make_store
from tests.trainer.forks import fork_run, steps_logged, wait_until

RECIPE = """
[data]
store = "{store}"
batch_size = 10
[embedding]
dim = 8
head = {{ kind = "linear" }}
[modalities.image]
size = 16
crop_scale = [0.2, 0.5]
augment = "3a"
encoder = {{ kind = "convnet", width = 4, tuning = "frozen" }}
[modalities.depth]
size = 16
crop_scale = [0.2, 0.5]
encoder = {{ kind = "convnet", width = 4, tuning = "frozen" }}
[modalities.text]
vocabulary = 300
augment = {{ alpha = 0.3 }}
encoder = {{ width = 8, layers = 1, heads = 2, tuning = "frozen" }}
[objective]
kind = "pcmc"
[training]
epochs = 5
device = "cpu"
threads = 1
cache_features = true
cached_views = 3
"""
VIEWS = "training.cached_views"
COLUMNS = ("image", "depth", "text")
COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 40, 220)}


@dataclass
class Slopes:
    """Pictures that get brighter and deeper to the right, with captions; depth is often absent."""

    count: int = 60
    root: str | None = None

    @property
    def columns(self) -> Mapping[str, Column]:
        return {name: Column(name) for name in COLUMNS}

    @property
    def total(self) -> int:
        return self.count

    def rows(self) -> Iterator[Row]:
        for number in range(self.count):
            name = list(COLOURS)[number % 3]
            slope = np.linspace(0.3, 1.0, 40) * (0.6 + 0.4 * number / self.count)
            picture = slope[None, :, None] * np.ones((30, 1, 3)) * np.array(COLOURS[name])
            depth = np.tile(slope * 3000, (30, 1)).astype(np.uint16)
            items = {
                "image": Item(f"i{number}", picture.astype(np.uint8)),
                "text": Item(f"t{number}", f"a small {name} picture number {number} of a man"),
            }
            if number % 3:
                items["depth"] = Item(f"d{number}", depth)
            split = "train" if number < 40 else "validation"
            yield Row(items, instance=str(number), label=name, split=split)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("stores") / "slopes", Slopes())


@pytest.fixture
def recipe(tmp_path: Path, store: Path) -> Path:
    path = tmp_path / "views.toml"
    path.write_text(RECIPE.format(store=store))
    return path


def setup_of(recipe: Path, *settings: str) -> Setup:
    return build(read_recipe(recipe, settings, registry=registry()), registry=registry(), source="")


def train(recipe: Path | str, *settings: str, out: Path | None = None, resume: bool = False) -> int:
    return run(str(recipe), settings=settings, out=out, resume=resume, quiet=True)


def pooled_of(modality: Any, payload: bytes, *, training: bool, seed: int = 0) -> torch.Tensor:
    example = modality.transform(
        modality.decode(payload),
        training=training,
        shared=np.random.default_rng(seed),
        own=np.random.default_rng(99),
    )
    return torch.as_tensor(modality.collate([example]).pooled[0])


def test_views_are_what_the_encoder_gives_for_augmented_items(recipe: Path) -> None:
    setup = setup_of(recipe)
    cached = cache_features(setup, advance=lambda _: None)
    for column in COLUMNS:
        modality = setup.modalities[column]
        item = int(setup.store.table.items[column][1])
        (payload,) = setup.store.read(column, [item])
        live = []
        for view in (View(0, 0), View(0, 1), View(0, 2)):
            example = modality.transform(
                modality.decode(payload),
                training=True,
                shared=view.shared(),
                own=view.own(payload),
            )
            inputs = modality.collate([example])
            live.append(setup.model.frozen_features(column, inputs).pooled[0])
        assert len({tuple(item.tolist()) for item in live}) > 1, column
        seen = {}
        for seed in range(20):
            number = int(np.random.default_rng(seed).integers(3))
            seen[number] = pooled_of(cached[column], payload, training=True, seed=seed)
            torch.testing.assert_close(seen[number], live[number], atol=1e-5, rtol=1e-5)
        assert len(seen) == 3


def test_validation_sees_the_item_itself(recipe: Path) -> None:
    setup = setup_of(recipe)
    cached = cache_features(setup, advance=lambda _: None)
    for column in COLUMNS:
        modality = setup.modalities[column]
        (payload,) = setup.store.read(column, [int(setup.store.table.items[column][50])])
        rng = np.random.default_rng(0)
        example = modality.transform(modality.decode(payload), training=False, shared=rng, own=rng)
        live = setup.model.frozen_features(column, modality.collate([example])).pooled[0]
        found = pooled_of(cached[column], payload, training=False)
        torch.testing.assert_close(found, live, atol=1e-5, rtol=1e-5)


def test_the_columns_of_a_row_show_one_view_and_one_place(recipe: Path) -> None:
    setup = setup_of(recipe)
    places = {}
    for column in ("image", "depth"):
        config = setup.recipe.columns[column].modality
        colours = {"augment": None, "jitter": 0.0} if column == "image" else {}
        modality = config.model_copy(update=colours).build(setup.states[column])
        (payload,) = setup.store.read(column, [int(setup.store.table.items[column][1])])
        for number in range(4):
            view = View(0, number)
            example = modality.transform(
                modality.decode(payload), training=True, shared=view.shared(), own=view.own(b"")
            )
            planes = np.asarray(example, dtype=np.float64)
            brightest = (
                planes[planes.mean(axis=(1, 2)).argmax()] if column == "image" else planes[0]
            )
            slope = brightest.mean(axis=0)
            places[column, number] = slope / slope[-1]  # where between left and right it lies
    for number in range(4):
        np.testing.assert_allclose(places["image", number], places["depth", number], atol=0.03)
    assert not np.allclose(places["image", 0], places["image", 1], atol=0.03)

    # In a batch, every column of a row takes the view of the same number.
    numbers = torch.arange(3.0)[None].expand(2, 3).reshape(-1, 1)
    both = {
        name: CachedModality(
            setup.modalities[name],
            {},
            FeatureTable(numbers),
            views={key: 3 * (place % 2) for place, key in enumerate(_sums(setup, name))},
            num_views=3,
        )
        for name in ("image", "text")
    }
    seen: set[float] = set()
    for epoch in range(3):
        for batch in training_batches(replace(setup, modalities=both), epoch=epoch):
            image, text = (batch.inputs[name].pooled[:, 0] for name in ("image", "text"))
            assert torch.equal(image, text)
            seen |= set(image.tolist())
    assert seen == {0.0, 1.0, 2.0}


def _sums(setup: Setup, column: str) -> list[bytes]:
    from polymodal_datasets.frozen_features import checksum

    items = setup.store.table.items[column]
    return [checksum(payload) for payload in setup.store.read(column, items[items >= 0])]


def test_a_run_is_resumed_bit_for_bit(recipe: Path) -> None:
    train(recipe, out=Path("unbroken"))
    child = fork_run(recipe, Path("broken"))
    wait_until(lambda: steps_logged(Path("broken")) >= 6, child)
    child.kill()
    child.join()
    train("broken", resume=True)
    assert_same_run(Path("unbroken"), Path("broken"))


def test_epochs_draw_other_views(recipe: Path) -> None:
    train(recipe, "training.lr_heads=0.0", "data.batch_size=40", out=Path("out"))
    losses = [line["loss"] for line in lines(Path("out"), "step")]
    assert len(losses) == 5
    assert len({round(loss, 6) for loss in losses}) > 1
    settings = ("training.lr_heads=0.0", "data.batch_size=40", f"{VIEWS}=1")
    train(recipe, *settings, out=Path("one"))
    assert max(losses := [line["loss"] for line in lines(Path("one"), "step")]) == pytest.approx(
        min(losses), rel=1e-5
    )


@pytest.mark.parametrize(
    ("setting", "computed"),
    [
        ("training.epochs=4", 0),
        (f"{VIEWS}=5", 2 * 40 + 2 * 40 + 2 * 26),  # two more views of each training item
        ('modalities.image.augment="v0"', 3 * 40 + 20),
        ("modalities.text.augment.alpha=0.5", 3 * 40 + 20),
        ("modalities.depth.crop_scale=[0.3,0.5]", 3 * 26 + 14),
        ("seed=1", 3 * (40 + 40 + 26) + 20 + 20 + 14),
    ],
)
def test_only_what_depends_on_a_change_is_computed_anew(
    recipe: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    setting: str, computed: int,
) -> None:  # fmt: skip
    monkeypatch.setattr("polymodal_trainer.features.feature_path", lambda _: tmp_path / "features")
    cache_features(setup_of(recipe), advance=lambda _: None)
    counts: list[int] = []
    original = Model.frozen_features

    def counted(self: Model, column: str, inputs: Any) -> Any:
        found = original(self, column, inputs)
        counts.append(len(found.pooled))
        return found

    monkeypatch.setattr(Model, "frozen_features", counted)
    done: list[int] = []
    setup = setup_of(recipe, setting)
    cache_features(setup, advance=done.append)
    assert sum(counts) == computed
    assert sum(done) == num_cached_items(setup)


def test_views_without_a_cache_are_refused(recipe: Path) -> None:
    with pytest.raises(RecipeError, match="cached_views = 3 is of use with cache_features = true"):
        train(recipe, "training.cache_features=false")
    with pytest.raises(RecipeError, match="cached_views"):
        train(recipe, f"{VIEWS}=0")
