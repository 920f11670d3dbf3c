"""The command line of `polymodal-evaluate`: nothing heavy is imported before a command runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="polymodal-evaluate",
    help="Evaluate trained runs: a run folder in, tables and a report out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@contextmanager
def _reported(lost: str) -> Iterator[None]:
    from polymodal_core.errors import PolymodalError

    try:
        yield
    except (PolymodalError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        print(f"interrupted; {lost}", file=sys.stderr)
        raise typer.Exit(130) from None


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"polymodal-evaluate {version('polymodal-evaluator')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
def run(
    folder: Annotated[Path, typer.Argument(help="A run folder that polymodal-train made.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a key of the run's recipe: --set evaluation.split=validation",
        ),
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A checkpoint's name; else the best, else the newest."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the report goes; the run folder if left out.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto (cuda where there is one), cpu, cuda:1")
    ] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", help="Say little.")] = False,
) -> None:
    """Evaluate one run: retrieval between all columns, zero-shot classification, a report."""
    with _reported("no report was written"):
        from polymodal_evaluator.evaluate import Request, evaluate

        evaluate(
            Request(
                folder,
                settings=tuple(settings or ()),
                checkpoint=checkpoint,
                out=out,
                device=device,
                quiet=quiet,
            )
        )


@app.command()
def study(
    folder: Annotated[Path, typer.Argument(help="A study's folder, made by polymodal-train.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change the evaluation of every run: --set evaluation.split=validation",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the tables go; the study's folder if left out.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto (cuda where there is one), cpu, cuda:1")
    ] = "auto",
    resamples: Annotated[int, typer.Option(min=1, help="Of the bootstrap.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say little.")] = False,
) -> None:
    """Evaluate what a study lacks, print its tables, write study.html and study.json."""
    with _reported("the reports that are written stay; the same command goes on"):
        from polymodal_evaluator.studying import StudyRequest, evaluate_study

        code = evaluate_study(
            StudyRequest(folder, tuple(settings or ()), out, device, resamples, seed, quiet)
        )
    raise typer.Exit(code)


@app.command()
def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="Two evaluated runs; or, with --against, all runs of the first side. A folder of "
            "runs stands for the runs in it.",
        ),
    ],
    against: Annotated[
        list[Path] | None,
        typer.Option(metavar="RUN", help="A run of the second side; may be repeated."),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Show this metric (r@5, map, t1) instead of the first."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A folder or .json file for every number.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=1, help="Of the bootstrap.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say little.")] = False,
) -> None:
    """Compare evaluated runs query by query: the first side less the second, with intervals."""
    with _reported("nothing was written"):
        from polymodal_evaluator.comparing import CompareRequest, compare_runs

        compare_runs(
            CompareRequest(
                tuple(runs),
                tuple(against or ()),
                metric=metric,
                out=out,
                resamples=resamples,
                seed=seed,
                quiet=quiet,
            )
        )


def main() -> None:
    """Run the command line; 2 for what the user can mend, 130 for an interruption."""
    app()
