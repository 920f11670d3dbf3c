"""Difficulty-aware batches in a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
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


STEPS = ("data.hard.refresh=4", "data.hard.refresh_unit=steps")
"""Searches before steps 0, 4, 8, ...; an epoch has 6."""


def cut(run: Path, out: Path, step: int) -> None:
    """Copy a run as if it had been killed right after the checkpoint of `step`."""
    shutil.copytree(run, out, symlinks=True)
    for path in RunFolder(out).steps():
        if path.name > f"step-{step:08d}":
            shutil.rmtree(path)


def test_run_killed_at_any_step_between_searches_is_resumed_bit_for_bit(recipe: Path) -> None:
    train(recipe, *HARD, *STEPS, "training.keep=100", out=UNBROKEN)
    # Before, at and after a search within an epoch; where one falls on an epoch's start; the end of
    # an epoch without one.
    for step in (3, 4, 5, 6, 12, 16, 17, 23):
        out = Path(f"broken{step}")
        cut(UNBROKEN, out, step)
        assert train(out, out=out, resume=True) == 0
        assert_same_run(UNBROKEN, out)


def test_killed_run_with_searches_by_step_is_resumed_bit_for_bit(recipe: Path) -> None:
    settings = (*HARD, *STEPS, "training.epochs=2")
    train(recipe, *settings, out=UNBROKEN)
    child = fork_run(recipe, BROKEN, *settings, "data.workers=1")
    wait_until(lambda: steps_logged(BROKEN) >= 5, child)
    child.kill()
    child.join()
    assert train(BROKEN, out=BROKEN, resume=True) == 0
    assert_same_run(UNBROKEN, BROKEN)


Drawn = dict[tuple[int, int], tuple[list[int], list[int], list[float]]]
Held = dict[str, torch.Tensor]


def play(
    setup: Setup, hardness: Hardness, start: TrainingState, *, epochs: int
) -> tuple[Drawn, list[tuple[TrainingState, Held]]]:
    """Search and draw as training does, from `start` to the end of some epochs of 6 steps.

    Gives what is drawn at every position, and what a checkpoint there would hold. The weights are
    others in every step, and the same whenever a step is done again.
    """
    drawn: Drawn = {}
    held = []
    for step in range(start.step, 6 * epochs):
        first = start.batch if step == start.step else step % 6
        for batch in (first, first + 1) if first == 5 else (first,):
            state = TrainingState(step + (batch == 6), epoch=step // 6, batch=batch)
            tensors = hardness.tensors(state)
            held.append((state, {name: kept.clone() for name, kept in tensors.items()}))
            stale = hardness.stale(state)
            if stale:
                torch.manual_seed(state.step)
                with torch.no_grad():
                    for parameter in setup.model.parameters():
                        parameter.copy_(torch.randn_like(parameter))
                hardness.refresh(lambda _: None)
            if stale or batch == 0 or not drawn:
                order = hardness.order(state)
            drawn[state.epoch, batch] = tuple(
                part.tolist() for part in (order.rows, order.seeds, order.cosines)
            )
    return drawn, held


@pytest.mark.parametrize("every", [1, 4, 6, 7, 100])
def test_searches_by_step_keep_the_promises_and_go_on_from_anywhere(
    recipe: Path, every: int
) -> None:
    settings = (f"data.hard.refresh={every}", "data.hard.refresh_unit=steps", "seed=4294967297")
    setup, hardness = prepared(recipe, *settings)
    whole, held = play(setup, hardness, TrainingState(), epochs=3)
    assert len(held) == 3 * 7  # before each of 6 batches, and before the validation
    for (epoch, batch), (rows, seeds, _) in whole.items():
        if batch == 6:
            assert sorted(rows) == setup.splits.train.tolist()
            continue
        # Drawn as far as is needed, and no further than to the next search.
        stop = next((n for n in range(batch + 1, 6) if (6 * epoch + n) % every == 0), 6)
        assert len(rows) == (len(setup.splits.train) if stop == 6 else 16 * stop)
        assert len(seeds) == len(rows) == len(set(rows))
    for state, tensors in held:
        resumed = make_hardness(setup)
        assert resumed is not None
        resumed.load(tensors, state, source="here")
        if state.batch == 6:
            assert resumed.order(state).rows.tolist() == whole[state.epoch, 6][0]
            continue
        again, _ = play(setup, resumed, state, epochs=min(3, state.epoch + 2))
        assert again == {at: whole[at] for at in again}


def test_checkpoint_without_what_the_epoch_drew_is_refused(recipe: Path) -> None:
    train(recipe, *HARD, *STEPS, "training.keep=100", "training.epochs=1", out=UNBROKEN)
    _, hardness = prepared(recipe, *STEPS)
    drawn = {"drawn_rows", "drawn_seeds", "drawn_cosines"}
    expected = {2: {"places", "scores"}, 4: drawn, 5: {"places", "scores", *drawn}}
    for step, names in expected.items():
        path = UNBROKEN / "checkpoints" / f"step-{step:08d}"
        loaded = load_checkpoint(path)
        tensors = dict(loaded.tensors["neighbours"])
        assert tensors.keys() == names
        state = TrainingState.from_plain(dict(loaded.state))
        hardness.load(tensors, state, source="here")
        del tensors[sorted(names)[0]]
        with pytest.raises(CheckpointError, match=r"here: wanted .*; delete it"):
            hardness.load(tensors, state, source="here")
    with pytest.raises(CheckpointError, match="the 64 rows that the epoch drew before"):
        hardness.load({}, TrainingState(step=5, batch=5), source="here")


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
        order = hardness.order(TrainingState(epoch=epoch))
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


@pytest.mark.parametrize(
    ("objective", "names"),
    [
        ('{ kind = "trimodal" }', {"positive", "negative"}),
        ('{ kind = "pcmc" }', {"positive", "negative"}),
        (
            '{ kind = "sum", parts = [{ kind = "pcmc" }, { kind = "pcmr" }] }',
            {"pcmc positive", "pcmc negative"},
        ),
        ('{ kind = "pcmr" }', set()),
    ],
)
def test_steps_log_how_hard_pairs_pull_where_the_objective_can_tell(
    recipe: Path, objective: str, names: set[str]
) -> None:
    settings = (f"objective={objective}", "training.log_every=2", "training.epochs=2")
    train(recipe, *HARD, *settings, "training.pair_gradients_every=3", out=UNBROKEN)
    for line in lines(UNBROKEN, "step"):
        found = line.get("pair_gradients", {})
        assert found.keys() == (names if line["step"] % 3 == 0 else set())
        assert all(length > 0 for length in found.values())
    assert [line["step"] for line in lines(UNBROKEN, "step")] == [2, 4, 6, 8, 10, 12]
