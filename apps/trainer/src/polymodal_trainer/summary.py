"""What a run says at its start and at its end."""

from __future__ import annotations

from pathlib import Path

from polymodal_core.run import RunFolder
from rich.table import Table

from polymodal_trainer.coverage import rows_with
from polymodal_trainer.environment import fusion_parameters
from polymodal_trainer.start import Setup
from polymodal_trainer.state import TrainingState


def columns_table(setup: Setup) -> Table:
    """Lay out the columns: kind, encoder, head, parameters, rows that have them."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("column", "kind", "encoder", "head"):
        table.add_column(name, no_wrap=True)
    for name in ("trained", "parameters", "training", "validation"):
        table.add_column(name, justify="right", no_wrap=True)
    counts = setup.parameters
    columns = list(setup.recipe.columns)
    train = rows_with(setup.store.table, columns, setup.splits.train)
    validation = rows_with(setup.store.table, columns, setup.splits.validation)
    for name, column in setup.recipe.columns.items():
        tuning = "" if column.encoder.tuning == "full" else f", {column.encoder.tuning}"
        encoder = f"{column.encoder.kind}{tuning}" if column.share is None else f"= {column.share}"
        table.add_row(
            name,
            column.modality.kind,
            encoder,
            column.head.kind,
            millions(counts[name]["trainable"]),
            millions(counts[name]["encoder"] + counts[name]["head"]),
            f"{train[name]:,}",
            f"{validation[name]:,}",
        )
    targets = list(setup.recipe.targets)
    train = rows_with(setup.store.table, targets, setup.splits.train)
    validation = rows_with(setup.store.table, targets, setup.splits.validation)
    for name, config in setup.recipe.targets.items():
        cells = ("predicted", "", "", "", f"{train[name]:,}", f"{validation[name]:,}")
        table.add_row(name, config.kind, *cells)
    return table


def millions(count: int) -> str:
    """Give a number of parameters as people say it: 809 k, 22.9 M."""
    if count < 1000:
        return str(count)
    return f"{count / 1e3:.0f} k" if count < 999_500 else f"{count / 1e6:.1f} M"


def plan(setup: Setup) -> str:
    """Say how long the run is and where it runs."""
    precision = setup.training.precision
    fusion = ""
    if setup.recipe.fusion is not None:
        count = millions(fusion_parameters(setup.model))
        fusion = f"fusion {setup.recipe.fusion.kind}: {count} parameters\n"
    stages = ""
    if setup.stage.name:
        stages = "stages " + ", ".join(
            f"{stage.name} ({stage.training.epochs})" for stage in setup.stages
        )
        stages += "\n"
    return (
        f"{fusion}{len(setup.splits.train):,} training rows, "
        f"{len(setup.splits.validation):,} validation rows, seed {setup.seed}\n"
        f"{stages}{setup.total_epochs} epochs of {setup.steps_per_epoch} steps "
        f"of {setup.data.batch_size} rows: {setup.total_steps:,} steps in {precision} on "
        f"{setup.precision.device}"
    )


def farewell(run: Path, state: TrainingState, *, measure: str = "mean R@1") -> str:
    """Say how a finished run went, stage by stage, and what to type next."""
    lines = [f"finished: {state.finished}"]
    bests = [(f"best-{item.name}", item.best) for item in state.earlier] + [("best", state.best)]
    for link, best in bests:
        if best is not None:
            stage = f" of stage {link.removeprefix('best-')}" if link != "best" else ""
            lines.append(
                f"best validation{stage}: {measure} {100 * best.mean:.1f} % after epoch "
                f"{best.epoch} (step {best.step}): {RunFolder(run).checkpoints / link}"
            )
    lines.append(f"evaluate it with `polymodal-evaluate run {run}`")
    return "\n".join(lines)
