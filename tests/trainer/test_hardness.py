"""Difficulty-aware batches in a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from polymodal_core.checkpoint import load_checkpoint
from polymodal_core.errors import CheckpointError
from polymodal_core.plugins import registry
from polymodal_core.run import RunFolder
from polymodal_datasets.store import Store
from polymodal_trainer.batches import training_batches
from polymodal_trainer.hardness import Hardness, make_hardness
from polymodal_trainer.resolve import read_recipe
from polymodal_trainer.run import run
from polymodal_trainer.start import Setup, build
from polymodal_trainer.state import TrainingState

from tests.trainer.conftest import assert_same_run, lines, write_recipe
from tests.trainer.forks import fork_run, steps_logged, wait_until

HARD = ("data.hard={ neighbours = 10 }", "training.checkpoint_every=1")
UNBROKEN, BROKEN = Path("unbroken"), Path("broken")


def train(recipe: Path, *settings: str, out: Path, resume: bool = False) -> int:
    return run(str(recipe), settings=settings, out=out, resume=resume, quiet=True)


def prepared(recipe: Path, *settings: str) -> tuple[Setup, Hardness]:
    resolved = read_recipe(recipe, [*HARD, *settings], registry=registry())
    setup = build(resolved, registry=registry(), source="tiny")
    hardness = make_hardness(setup)
    assert hardness is not None
    return setup, hardness


@pytest.mark.parametrize("refresh", [1, 3])
@pytest.mark.parametrize("aim", [3, 8, 14])
def test_killed_run_is_resumed_bit_for_bit(recipe: Path, refresh: int, aim: int) -> None:
    settings = (*HARD, f"data.hard.refresh={refresh}")
    train(recipe, *settings, out=UNBROKEN)
    child = fork_run(recipe, BROKEN, *settings)
    wait_until(lambda: steps_logged(BROKEN) >= aim, child)
    child.kill()
    child.join()
    assert train(BROKEN, out=BROKEN, resume=True) == 0
    assert_same_run(UNBROKEN, BROKEN)


def test_epochs_log_what_was_drawn(recipe: Path) -> None:
    train(recipe, *HARD, out=UNBROKEN)
    hard = [line["hard"] for line in lines(UNBROKEN, "epoch")]
    shares = [found["share"] for found in hard]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.1
    assert 0.35 < shares[-1] <= 0.5
    assert all(-1 <= found["cosine"] <= 1.001 for found in hard)


def test_runs_without_it_are_as_they_were(recipe: Path) -> None:
    train(recipe, out=UNBROKEN)
    train(recipe, "data.hard={ share = 0.0 }", out=BROKEN)
    assert "hard" not in lines(UNBROKEN, "epoch")[0]
    losses = [[line["loss"] for line in lines(out, "step")] for out in (UNBROKEN, BROKEN)]
    assert losses[0] == losses[1]
    assert '"hard"' not in (RunFolder(UNBROKEN).steps()[-1] / "state.json").read_text()


def test_cached_features_give_and_resume_the_same(tmp_path: Path, store: Path) -> None:
    old = 'encoder = { kind = "mlp", hidden = 16, dropout = 0.2 }'
    new = 'encoder = { kind = "mlp", hidden = 16, dropout = 0.2, tuning = "frozen" }'
    recipe = write_recipe(tmp_path / "frozen.toml", store, changes={old: new})
    for views in (1, 2):
        settings = (*HARD, "training.cache_features=true", f"training.cached_views={views}")
        ends = Path(f"unbroken{views}"), Path(f"broken{views}")
        train(recipe, *settings, out=ends[0])
        child = fork_run(recipe, ends[1], *settings)
        wait_until(lambda broken=ends[1]: steps_logged(broken) >= 9, child)  # type: ignore[misc]
        child.kill()
        child.join()
        train(ends[1], out=ends[1], resume=True)
        assert_same_run(*ends)


def test_scores_are_mean_cosines_of_the_model(recipe: Path) -> None:
    setup, hardness = prepared(recipe)
    done: list[int] = []
    hardness.refresh(done.append)
    assert sum(done) == hardness.num_steps()
    found = hardness.tensors(TrainingState(step=1, batch=1))
    rows = setup.splits.train
    setup.model.eval()
    z = {}
    for batch in training_batches(setup, epoch=0, order=rows):
        embeddings = setup.model(batch)
        for n, row in enumerate(batch.index.tolist()):
            z[row] = {
                c: embeddings.z[c][n].detach().double().numpy()
                for c in setup.model.columns
                if embeddings.present[c] is None or embeddings.present[c][n]
            }
    place, score = int(found["places"][0, 0]), float(found["scores"][0, 0])
    one, other = z[int(rows[0])], z[int(rows[place])]
    cosines = [float(np.dot(one[c], other[c])) for c in one.keys() & other.keys()]
    assert score == pytest.approx(sum(cosines) / len(cosines), abs=1e-5)


def test_partners_share_no_label_where_labels_are_groups(recipe: Path, store: Path) -> None:
    _, hardness = prepared(recipe, "objective.groups=label")
    hardness.refresh(lambda _: None)
    label = Store(store).table.label
    for epoch in range(4):
        order = hardness.order(epoch)
        partners = np.flatnonzero(order.seeds >= 0)
        seeds = order.rows[order.seeds[partners]]
        assert (label[order.rows[partners]] != label[seeds]).all()
    assert order.hard > 30


def test_checkpoint_without_neighbours_is_refused(recipe: Path) -> None:
    train(recipe, *HARD, "data.hard.refresh=4", "training.keep=100", out=UNBROKEN)
    folder = RunFolder(UNBROKEN)
    kept = {path.name: load_checkpoint(path) for path in folder.steps()}
    assert "neighbours" not in kept["step-00000000"].tensors
    assert kept["step-00000001"].tensors["neighbours"].keys() == {"places", "scores"}
    _, hardness = prepared(recipe)
    plain = json.loads((folder.steps()[1] / "state.json").read_text())
    with pytest.raises(CheckpointError, match=r"wanted 10 neighbours .* found none; delete it"):
        hardness.load({}, TrainingState.from_plain(plain), source="here")


def test_steps_log_how_hard_pairs_pull_where_the_objective_can_tell(recipe: Path) -> None:
    settings = ('objective={ kind = "trimodal" }', "training.log_every=2", "training.epochs=1")
    train(recipe, *HARD, *settings, out=UNBROKEN)
    logged = lines(UNBROKEN, "step")
    assert [line["step"] for line in logged] == [2, 4, 6]
    for line in logged:
        assert line["pair_gradients"].keys() == {"positive", "negative"}
        assert all(length > 0 for length in line["pair_gradients"].values())
    train(recipe, "training.epochs=1", out=BROKEN)
    assert "pair_gradients" not in lines(BROKEN, "step")[0]
