"""The command that packs with one importer, made of its configuration."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from polymodal_core.config import ImporterConfig
from polymodal_core.errors import UnknownNameError, suggest
from polymodal_core.plugins import registry

from polymodal_packer.catalogue import broken_lines
from polymodal_packer.cli import reported
from polymodal_packer.fields import Option, options_of


def importer_command(kind: str, *, commands: Sequence[str]) -> typer.Typer:
    """Make the command of an importer; raises UnknownNameError for a kind that is not installed."""
    loaded = registry()
    kinds = loaded.names("importer")
    if kind not in kinds:
        broken = "".join(f"\n  ({line})" for line in broken_lines(loaded))
        raise UnknownNameError(
            f"'{kind}' is neither a command nor an importer{suggest(kind, [*commands, *kinds])}"
            f"{broken}"
        )
    config = loaded.importer(kind)
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

    @app.command(help=_help(config))
    def pack(
        out: Annotated[Path, typer.Option(metavar="STORE", help="Folder to make.")],
        root: Annotated[
            str | None, typer.Option(metavar="RAW", help="Short for --set root=RAW.")
        ] = None,
        settings: Annotated[
            list[str] | None,
            typer.Option("--set", metavar="KEY=VALUE", help="One of the options above."),
        ] = None,
        strict: Annotated[
            bool, typer.Option("--strict", help="Stop at the first bad row; else it is skipped.")
        ] = False,
        workers: Annotated[
            int | None, typer.Option(min=1, help="Threads; one per core if left out, at most 8.")
        ] = None,
        restart: Annotated[
            bool, typer.Option("--restart", help="Drop what an interrupted pack left.")
        ] = False,
    ) -> None:
        with reported():
            from polymodal_packer.packing import run_pack

            run_pack(
                config,
                out,
                root=root,
                settings=settings or (),
                strict=strict,
                workers=workers,
                restart=restart,
            )

    return app


def _help(config: type[ImporterConfig]) -> str:
    lines = [_paragraph(config.__doc__ or ""), "\b\nOptions of --set:"]
    options = list(options_of(config))
    width = max([len(option.path) for option in options], default=0)
    lines[-1] += "".join(f"\n  {_line(option, width)}" for option in options)
    lines.append(
        "Besides, --set image.pack_size=256 sets an option of a kind or of one column of the "
        "store; packing options are kept in it."
    )
    module = inspect.getdoc(sys.modules[config.__module__]) or ""
    if "\n\n" in module:  # more than a headline: how the raw data must lie
        lines.append("\b\n" + module.replace("\n\n", "\n\n\b\n"))
    return "\n\n".join(lines)


def _line(option: Option, width: int) -> str:
    default = "required" if option.default == "required" else f"= {option.default}"
    shown = f"  ({default})" if option.default else ""
    return f"{option.path.ljust(width)}  {option.takes}{shown}"


def _paragraph(text: str) -> str:
    return inspect.cleandoc(text)
