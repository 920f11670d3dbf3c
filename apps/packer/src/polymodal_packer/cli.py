"""The command line of `polymodal-pack`: nothing heavy is imported before a command runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

PROGRAM = "polymodal-pack"
COMMANDS = ("depth", "info", "list", "show", "verify")

app = typer.Typer(
    name=PROGRAM,
    help="Pack raw data into a store, and look at stores.\n\n"
    "\b\n"
    "  polymodal-pack KIND --out STORE [--root RAW] [--set KEY=VALUE ...]\n"
    "  polymodal-pack KIND --help      options of one importer\n"
    "  polymodal-pack list             the importers that are installed",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
StoreArgument = Annotated[Path, typer.Argument(metavar="STORE", help="Folder of a packed store.")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; its first word is one of COMMANDS or the kind of an importer."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0].startswith("-") or given[0] in COMMANDS:
        app(given, prog_name=PROGRAM)
        return
    from polymodal_packer.importer_command import importer_command

    with reported():
        command = importer_command(given[0], commands=COMMANDS)
    command(given[1:], prog_name=f"{PROGRAM} {given[0]}")


@contextmanager
def reported() -> Iterator[None]:
    """End the program with a message and exit code 2 for what a user can act on."""
    from polymodal_core.errors import PolymodalError

    try:
        yield
    except (PolymodalError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped; give the same command again to go on", file=sys.stderr)
        sys.exit(130)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"{PROGRAM} {version('polymodal-packer')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command("list")
def list_importers() -> None:
    """List the importers that are installed."""
    with reported():
        from polymodal_packer.catalogue import print_importers

        print_importers()


@app.command()
def info(
    store: StoreArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say what is in a store."""
    with reported():
        from polymodal_packer.info import print_info

        print_info(store, as_json=as_json)


@app.command()
def depth(  # noqa: PLR0913, PLR0917
    store: StoreArgument,
    out: Annotated[Path, typer.Option(metavar="STORE", help="Folder of the new store.")],
    model: Annotated[
        str, typer.Option(help="A depth-estimation model of transformers: its name, or a folder.")
    ],
    source: Annotated[
        str | None, typer.Option("--from", metavar="COLUMN", help="Pictures to estimate from.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of depth to fill.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="Where true depth is taken from, for scale.")
    ] = "train",
    samples: Annotated[int, typer.Option(min=1, help="At most so many rows of it.")] = 200,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="metric=true, device=cuda."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; one if left out.")] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Drop what an interrupted call left.")
    ] = False,
) -> None:
    """Estimate depth where a store lacks it, into a new store.

    All else is copied byte for byte. Rows that were filled have a picture in depth_confidence,
    white where the estimate can be trusted: where the mirrored picture gives the same depth. A
    model without a scale of its own takes one from rows that have true depth.
    """
    with reported():
        from polymodal_packer.estimation import Request, run_estimation, settings_of

        request = Request(
            store,
            out,
            "depth",
            settings_of(model, settings or ()),
            column=column,
            source=source,
            split=split,
            samples=samples,
        )
        run_estimation(request, strict=strict, workers=workers, restart=restart)


@app.command()
def verify(store: StoreArgument) -> None:
    """Read a whole store and name what is damaged.

    The exit code is 1 if anything is.
    """
    with reported():
        from polymodal_packer.verification import print_verification

        sound = print_verification(store)
    raise typer.Exit(0 if sound else 1)


@app.command()
def show(
    store: StoreArgument,
    rows: Annotated[
        str | None, typer.Option(metavar="0,5,9", help="These rows; drawn by lot if left out.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Draw from the rows of this split.")] = None,
    count: Annotated[int, typer.Option(min=1, help="Number of rows to draw.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draw.")] = 0,
    out: Annotated[Path, typer.Option(help="The picture to write.")] = Path("rows.png"),
) -> None:
    """Draw rows with all their columns as a picture (PNG)."""
    with reported():
        from polymodal_packer.picture import write_picture

        write_picture(store, rows=rows, split=split, count=count, seed=seed, out=out)
