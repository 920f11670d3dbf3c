"""What is in a store, as a table on the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polymodal_datasets.store import Store

if TYPE_CHECKING:
    from rich.table import Table


def print_info(path: Path, *, as_json: bool) -> None:
    """Print what `Store.describe` says; raises StoreError where there is no store."""
    described = Store(path).describe()
    if as_json:
        print(json.dumps(described, indent=1, ensure_ascii=False))
        return
    from rich.console import Console

    # Wider than most terminals: a table then runs over the edge, rather than into stumps of words.
    console = Console(width=200, highlight=False, markup=False)
    console.print(_facts(described), soft_wrap=True)
    console.print(_columns(described))


def _facts(described: dict[str, Any]) -> str:
    splits = ", ".join(f"{name} {rows:,}" for name, rows in described["splits"].items())
    source = described["source"]
    given = {name: value for name, value in source.items() if name not in ("kind", "left_out")}
    options = ", ".join(f"{name}={value}" for name, value in given.items())
    left_out = source.get("left_out", {})
    facts = {
        "store": described["path"],
        "rows": f"{described['rows']:,} ({splits})",
        "instances": f"{described['instances']:,}",
        "classes": f"{described['classes']:,}",
        "left out": ", ".join(f"{what}: {count:,}" for what, count in left_out.items()),
        "bad rows": f"{described['bad_rows']:,} skipped, listed in bad_rows.jsonl",
        "size": _size(described["data_bytes"]),
        "packed from": f"{source.get('kind', '')} {options}".strip(),
        "fingerprint": described["fingerprint"],
    }
    if not left_out:
        del facts["left out"]
    if described["bad_rows"] == 0:
        del facts["bad rows"]
    return "\n".join(f"{name:12} {value}" for name, value in facts.items())


def _columns(described: dict[str, Any]) -> Table:
    from rich import box
    from rich.table import Table

    splits = described["splits"]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("column", "kind"):
        table.add_column(title, no_wrap=True)
    for title in ("items", "rows", "missing", *splits):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("packed with", no_wrap=True)
    for name, column in described["columns"].items():
        options = [f"{key}={value}" for key, value in column["options"].items()]
        options += ["an item per class"] if column["of_classes"] else []
        counts = [column["items"], column["rows"], described["rows"] - column["rows"]]
        counts += [column["splits"][split] for split in splits]
        numbers = [f"{count:,}" for count in counts]
        table.add_row(name, column["kind"], *numbers, ", ".join(options))
    return table


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
