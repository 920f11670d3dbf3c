"""The command line of `polymodal-train`: nothing heavy is imported before a command runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="polymodal-train",
    help="Train one embedding space for any set of modalities: a recipe in, a run folder out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
RecipeArgument = Annotated[
    str, typer.Argument(help="A shipped recipe's name, a path ending in .toml, or a run folder.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key: --set training.epochs=3"),
]


@contextmanager
def _reported() -> Iterator[None]:
    from polymodal_core.errors import PolymodalError

    try:
        yield
    except (PolymodalError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise typer.Exit(130) from None


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"polymodal-train {version('polymodal-trainer')}")
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
    recipe: RecipeArgument,
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder; runs/<recipe name> if left out.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run in --out from its last checkpoint.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say little.")] = False,
) -> None:
    """Train a recipe."""
    from polymodal_trainer.run import run as train

    with _reported():
        code = train(recipe, settings=settings or (), out=out, resume=resume, quiet=quiet)
    raise typer.Exit(code)


@app.command()
def study(
    study: Annotated[
        str, typer.Argument(help="A shipped study's name, a path ending in .toml, or its folder.")
    ],
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the runs; runs/<study name> if left out.")
    ] = None,
    listing: Annotated[
        bool, typer.Option("--list", help="Show the runs and their state; train nothing.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say little.")] = False,
) -> None:
    """Train every run of a study that is missing or unfinished."""
    from polymodal_trainer.study.training import StudyRequest
    from polymodal_trainer.study.training import study as train

    with _reported():
        code = train(StudyRequest(study, tuple(settings or ()), out, listing, quiet))
    raise typer.Exit(code)


@app.command()
def recipes() -> None:
    """List the shipped recipes."""
    from polymodal_trainer.catalogue import shipped

    _list(shipped())


@app.command()
def studies() -> None:
    """List the shipped studies."""
    from polymodal_trainer.catalogue import shipped_studies

    _list(shipped_studies())


def _list(found: Mapping[str, Path]) -> None:
    from polymodal_trainer.catalogue import description

    width = max(len(name) for name in found)
    for name, path in found.items():
        print(f"{name:<{width}}  {description(path)}")


@app.command()
def check(recipe: RecipeArgument, settings: Settings = None) -> None:
    """Validate a recipe and print it with every default filled in.

    Its columns are compared with those of its store, if that is packed already.
    """
    from polymodal_core.plugins import registry
    from polymodal_core.recipe import write_toml

    from polymodal_trainer.catalogue import find_recipe
    from polymodal_trainer.coverage import check_against_store
    from polymodal_trainer.resolve import read_recipe

    with _reported():
        path = find_recipe(recipe).path
        resolved = read_recipe(path, settings or (), registry=registry())
        check_against_store(resolved, source=str(path))
        print(write_toml(resolved.table), end="")


@app.command()
def schema() -> None:
    """Print the JSON schema of recipes, made of the installed plug-ins."""
    import json

    from polymodal_core.plugins import registry

    from polymodal_trainer.resolve import schema as schema_of

    with _reported():
        print(json.dumps(schema_of(registry()), indent=2))


def main() -> None:
    """Run the command line; 2 for what the user can mend, 130 for an interruption."""
    app()
