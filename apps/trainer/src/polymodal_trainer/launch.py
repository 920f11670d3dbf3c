"""Start a run in a new folder, or go on in an old one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import torch
from polymodal_core.errors import RunError
from polymodal_core.objective import classifier_of
from polymodal_core.plugins import Registry
from polymodal_core.protocols import State
from polymodal_core.run import RunFolder, write_states

from polymodal_trainer.adapters import check_adapters
from polymodal_trainer.batches import training_batches
from polymodal_trainer.checkpointing import Checkpoints
from polymodal_trainer.environment import (
    fusion_parameters,
    machine,
    session,
)
from polymodal_trainer.features import cache_features, num_cached_items
from polymodal_trainer.folder import new_run, write_json, write_text
from polymodal_trainer.hardness import Hardness, make_hardness
from polymodal_trainer.interruption import Interruption
from polymodal_trainer.loop import Trainer
from polymodal_trainer.metrics_log import MetricsLog
from polymodal_trainer.progress import Display
from polymodal_trainer.run import Request, recipe_text
from polymodal_trainer.stages import enter_stage
from polymodal_trainer.start import Setup, build
from polymodal_trainer.state import TrainingState
from polymodal_trainer.step import forward
from polymodal_trainer.summary import columns_table, farewell, plan
from polymodal_trainer.teachers import embed_by_teachers, load_teachers, num_items
from polymodal_trainer.validation import measure_of, num_validation_items, validate

INTERRUPTED = 130


def start(request: Request, *, registry: Registry) -> int:
    """Build, try and begin a run; the folder appears when all that has gone well."""
    with Display(quiet=request.quiet) as display:
        setup = _build(request, display, registry=registry)
        _introduce(setup, display)
        state = TrainingState(untrained=_try(setup, display))
        with new_run(request.out) as (hidden, lock):
            _write(hidden, request, setup, state)
        run = RunFolder(request.out)
        display.show(f"run folder: {run.path}")
        try:
            hardness = make_hardness(setup)
            checkpoints = Checkpoints(run, setup, hardness)
            return _train(setup, run, state, checkpoints, display, hardness=hardness, size=0)
        finally:
            lock.release()


def go_on(request: Request, run: RunFolder, *, registry: Registry) -> int:
    """Continue a locked run from its newest checkpoint."""
    with Display(quiet=request.quiet) as display:
        recorded = _recorded_state(run)
        setup = _build(request, display, registry=registry, states=recorded["modalities"])
        if setup.store.fingerprint != recorded["store"]:
            raise RunError(
                f"the store {setup.store.path} has other contents than when {run.path} began "
                f"(checksum {setup.store.fingerprint}, was {recorded['store']}); give the store it "
                f"was trained on with --set data.store=FOLDER, or start anew in another --out"
            )
        hardness = make_hardness(setup)
        checkpoints = Checkpoints(run, setup, hardness)
        state, size = checkpoints.restore()
        _warn_of_changes(recorded["plugins"], run, setup, display)
        write_text(run.recipe, recipe_text(request.recipe))
        _record_session(run)
        display.show(
            f"resuming {run.path} after step {state.step} of {setup.total_steps} "
            f"(epoch {state.epoch + 1}, batch {state.batch})"
        )
        return _train(setup, run, state, checkpoints, display, hardness=hardness, size=size)


def _train(
    setup: Setup,
    run: RunFolder,
    state: TrainingState,
    checkpoints: Checkpoints,
    display: Display,
    *,
    hardness: Hardness | None,
    size: int,
) -> int:
    log = MetricsLog(run, size=size, step=state.step)
    try:
        with Interruption() as interruption:
            trainer = Trainer(
                setup,
                run,
                state,
                checkpoints=checkpoints,
                log=log,
                display=display,
                interruption=interruption,
                hardness=hardness,
            )
            done = trainer.train()
    finally:
        log.close()
        display.end()
    if not done:
        display.say(
            f"interrupted after step {state.step}; a checkpoint is written. "
            f"Continue with `polymodal-train run {run.path} --resume`"
        )
        return INTERRUPTED
    measure = measure_of(setup)
    measure = f"mean {measure}" if measure == "R@1" else measure
    display.say(farewell(run.path, state, measure=measure))
    return 0


def _build(
    request: Request,
    display: Display,
    *,
    registry: Registry,
    states: dict[str, State] | None = None,
) -> Setup:
    with display.task("reading training values", None) as advance:
        setup = build(
            request.recipe,
            registry=registry,
            source=request.source,
            states=states,
            fitting=lambda _: advance(1),
        )
    setup = _with_teachers(setup, display, registry=registry)
    return _with_features(setup, display) if setup.training.cache_features else setup


def _with_teachers(setup: Setup, display: Display, *, registry: Registry) -> Setup:
    loaded = load_teachers(setup, registry=registry)
    if not loaded:
        return setup
    with display.task("teachers", num_items(setup, loaded)) as advance:
        return replace(setup, teachers=embed_by_teachers(setup, loaded, advance=advance))


def _with_features(setup: Setup, display: Display) -> Setup:
    with display.task("frozen encoders", num_cached_items(setup)) as advance:
        modalities = cache_features(setup, advance=advance)
    return replace(setup, modalities=modalities)


def _introduce(setup: Setup, display: Display) -> None:
    display.show(columns_table(setup))
    display.show(plan(setup))
    for caveat in () if setup.recipe.fusion is None else setup.recipe.fusion.caveats():
        display.warn(caveat)
    for pair, rows in setup.pair_rows.items():
        if rows == 0:
            display.warn(f"no training row has both columns of {pair}: it will teach nothing")
    unlabelled = int((setup.store.table.label[setup.splits.train] < 0).sum())
    if classifier_of(setup.objective) is not None and unlabelled:
        rows = len(setup.splits.train)
        display.warn(
            f"{unlabelled:,} of {rows:,} training rows have no label: no class is learned from them"
        )


def _try(setup: Setup, display: Display) -> dict[str, float]:
    """Run one batch of every stage and a validation through the untrained model.

    Whatever fails, fails now.
    """
    with check_adapters(setup.model):
        setup.model.eval()
        for number in reversed(range(len(setup.stages))):
            enter_stage(setup, number)
            with torch.no_grad():
                batch = next(iter(training_batches(setup, epoch=0)))
                forward(setup, batch.to(setup.precision.device), step=0)
        setup.model.train()
        with display.task("validating the untrained model", num_validation_items(setup)) as advance:
            return validate(setup, advance=advance)


def _write(run: RunFolder, request: Request, setup: Setup, state: TrainingState) -> None:
    write_states(run, setup.states)
    write_json(run.environment, _environment(setup))
    Checkpoints(run, setup).save(state, metrics_size=0)
    write_text(run.recipe, recipe_text(request.recipe))


def _environment(setup: Setup) -> dict[str, Any]:
    return {
        **session(),
        "versions": setup.versions,
        "machine": machine(threads=torch.get_num_threads(), device=str(setup.precision.device)),
        "seed": setup.seed,
        "store": {"path": str(setup.store.path.resolve()), "fingerprint": setup.store.fingerprint},
        "rows": {
            "train": len(setup.splits.train),
            "validation": len(setup.splits.validation),
            "pairs": setup.pair_rows,
        },
        "parameters": setup.parameters,
        **({} if setup.recipe.fusion is None else {"fusion": fusion_parameters(setup.model)}),
        "resumed": [],
    }


def _record_session(run: RunFolder) -> None:
    recorded = json.loads(run.environment.read_text(encoding="utf-8"))
    recorded["resumed"].append(session())
    write_json(run.environment, recorded)


def _recorded_state(run: RunFolder) -> dict[str, Any]:
    from polymodal_core.checkpoint import STATE

    state: dict[str, Any] = json.loads((run.steps()[-1] / STATE).read_text(encoding="utf-8"))
    return state


def _warn_of_changes(
    versions: dict[str, str], run: RunFolder, setup: Setup, display: Display
) -> None:
    changed = [
        f"{name} {versions.get(name, 'absent')} -> {setup.versions.get(name, 'absent')}"
        for name in sorted(versions.keys() | setup.versions.keys())
        if versions.get(name) != setup.versions.get(name)
    ]
    if changed:
        display.warn(f"{run.path} was begun with other versions: {', '.join(changed)}")
    recorded = json.loads(run.environment.read_text(encoding="utf-8"))
    threads = recorded["machine"]["threads"]
    if threads != torch.get_num_threads():
        display.warn(
            f"{run.path} was begun with {threads} threads, now there are "
            f"{torch.get_num_threads()}: results may differ in the last digits; "
            f"--set training.threads={threads} keeps them"
        )
