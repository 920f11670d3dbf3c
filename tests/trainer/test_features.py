"""Features of frozen encoders, computed once."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.checkpoint import load_checkpoint
from polymodal_core.errors import RunError
from polymodal_core.model import Model
from polymodal_core.plugins import registry
from polymodal_core.run import RunFolder, TrainedModel, load_trained
from polymodal_datasets.frozen_features import CachedModality, checksum, feature_path
from polymodal_datasets.item_features import FeatureTable
from polymodal_datasets.loading import load_items
from polymodal_datasets.store import Store
from polymodal_eval.embedding_table import embed_table
from polymodal_eval.ranking import rank_queries
from polymodal_eval.relevance import relevance_of_columns
from polymodal_eval.statistics import mean_intervals
from polymodal_trainer.batches import training_batches
from polymodal_trainer.features import cache_features
from polymodal_trainer.resolve import read_recipe
from polymodal_trainer.run import run
from polymodal_trainer.start import build

from tests.trainer.conftest import assert_same_run, lines, write_recipe
from tests.trainer.forks import fork_run, steps_logged, wait_until


@pytest.fixture
def frozen(tmp_path: Path, store: Path) -> Path:
    """A recipe whose encoders are both frozen, one of them shared by two columns."""
    old = 'encoder = { kind = "mlp", hidden = 16, dropout = 0.2 }'
    new = 'encoder = { kind = "mlp", hidden = 16, dropout = 0.2, tuning = "frozen" }'
    return write_recipe(tmp_path / "frozen.toml", store, changes={old: new})


def train(recipe: Path | str, *settings: str, out: Path | None = None, resume: bool = False) -> int:
    return run(str(recipe), settings=settings, out=out, resume=resume, quiet=True)


def test_cached_features_train_the_same_heads(frozen: Path) -> None:
    # Vectors are not augmented, so that running the encoder anew must give the same.
    train(frozen, out=Path("anew"))
    train(frozen, "training.cache_features=true", out=Path("cached"))
    losses = [[line["loss"] for line in lines(Path(out), "step")] for out in ("anew", "cached")]
    assert len(losses[0]) > 20
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
    ends = [load_checkpoint(RunFolder(Path(out)).steps()[-1]) for out in ("anew", "cached")]
    for name, tensor in ends[0].tensors["model"].items():
        assert torch.allclose(tensor, ends[1].tensors["model"][name], atol=1e-4), name
    _check_results(*(Path(out) for out in ("anew", "cached")))


def _check_results(anew: Path, cached: Path) -> None:
    """R@1 of the cached run lies in the interval of the other's, for every pair of columns."""
    tables = []
    for out in (anew, cached):
        recipe = read_recipe(out / "recipe.toml", (), registry=registry())
        trained = load_trained(RunFolder(out), registry=registry(), sections={})
        store = Store(recipe.table["data"]["store"])
        rows = store.table.select(store.rows_of("validation"))

        def batches(
            column: str, items: Any, store: Store = store, trained: TrainedModel = trained
        ) -> Any:
            return load_items(store, column, trained.modalities[column], items, batch_size=16)

        tables.append(embed_table(trained.model, rows, batches, device="cpu"))
    for query, gallery in permutations(("left", "middle", "right"), 2):
        relevance = relevance_of_columns(tables[0].table, query, gallery)
        hits = [
            rank_queries(item.vectors[query], item.vectors[gallery], relevance).values((1,))["r@1"]
            for item in tables
        ]
        interval = mean_intervals(hits[0][:, None], np.arange(len(hits[0])))
        assert interval is not None
        low, high = interval[0]
        assert low <= hits[1].mean() <= high, (query, gallery)


def test_cached_features_are_the_live_ones(frozen: Path) -> None:
    recipe = read_recipe(frozen, ("training.cache_features=true",), registry=registry())
    live = build(recipe, registry=registry(), source=str(frozen))
    cached = replace(live, modalities=cache_features(live, advance=lambda _: None))
    model = live.model
    for one, other in zip(
        *(training_batches(item, epoch=1) for item in (live, cached)), strict=True
    ):
        assert one.inputs.keys() == other.inputs.keys()
        for column, inputs in one.inputs.items():
            expected = model.features(column, inputs).pooled
            found = model.features(column, other.inputs[column]).pooled
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_frozen_encoders_do_not_move(frozen: Path) -> None:
    train(frozen, "training.checkpoint_every=1", "training.keep=100", out=Path("out"))
    steps = RunFolder(Path("out")).steps()
    first, last = load_checkpoint(steps[0]).tensors, load_checkpoint(steps[-1]).tensors
    for name, tensor in first["model"].items():
        assert torch.equal(tensor, last["model"][name]) == name.startswith("encoders."), name
    assert not any(name.startswith("encoders.") for name in last["optimizer"])


def test_cached_run_is_resumed_bit_for_bit(frozen: Path) -> None:
    settings = ("training.cache_features=true", "data.modality_dropout=0.2")
    train(frozen, *settings, out=Path("unbroken"))
    child = fork_run(frozen, Path("broken"), *settings)
    wait_until(lambda: steps_logged(Path("broken")) >= 3, child)
    child.kill()
    child.join()
    train("broken", resume=True)
    assert_same_run(Path("unbroken"), Path("broken"))


def test_cache_without_a_frozen_encoder_is_refused(recipe: Path) -> None:
    with pytest.raises(RunError, match=r'cache_features = true needs .*tuning = "frozen"'):
        train(recipe, "training.cache_features=true")
    assert not Path("runs").exists()


def test_only_values_that_were_computed_are_known() -> None:
    pooled = torch.arange(6.0).reshape(3, 2)
    places = {checksum(f"{number}".encode()): number for number in range(3)}
    modality = CachedModality(None, places, FeatureTable(pooled))  # type: ignore[arg-type]
    rng = np.random.default_rng(0)

    def place(payload: bytes, *, training: bool) -> int:
        value = modality.decode(payload)
        return modality.transform(value, training=training, shared=rng, own=rng)

    for training in (False, True):
        found = modality.collate([place(b"2", training=training), place(b"0", training=training)])
        assert found.pooled.tolist() == [[4.0, 5.0], [0.0, 1.0]]
        with pytest.raises(RunError, match="in none of the run's rows"):
            place(b"3", training=training)


def test_a_second_run_computes_nothing_anew(
    frozen: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(frozen, "training.cache_features=true", out=Path("first"))
    assert feature_path(store).is_dir()
    monkeypatch.setattr(Model, "frozen_features", _refuse)
    train(frozen, "training.cache_features=true", out=Path("second"))
    assert_same_run(Path("first"), Path("second"))


def test_other_weights_never_meet_a_stale_cache(
    frozen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(frozen, "training.cache_features=true", out=Path("first"))
    monkeypatch.setattr(Model, "frozen_features", _refuse)
    with pytest.raises(RuntimeError, match="computed anew"):
        train(frozen, "training.cache_features=true", "seed=1", out=Path("second"))


def _refuse(*_: object) -> None:
    raise RuntimeError("computed anew")
