"""What importers are installed."""

from __future__ import annotations

from polymodal_core.plugins import Registry, registry


def print_importers() -> None:
    """Print every importer with what it reads; then what could not be loaded."""
    from rich.console import Console
    from rich.table import Table

    loaded = registry()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("importer", "reads", "from"):
        table.add_column(title)
    for kind in loaded.names("importer"):
        config = loaded.importer(kind)
        table.add_row(
            kind,
            (config.__doc__ or "").strip().split("\n\n")[0].replace("\n", " "),
            loaded.registrations["importer", kind].distribution,
        )
    console = Console()
    console.print(table)
    for line in broken_lines(loaded):
        console.print(line, markup=False, style="red")
    console.print("\nOptions of one: polymodal-pack KIND --help", markup=False)


def broken_lines(loaded: Registry) -> list[str]:
    """Say of every plug-in that could not be loaded what went wrong."""
    return [
        f"plug-in '{item.name}' of {item.distribution} could not be loaded: {item.error}"
        for item in loaded.broken
    ]
