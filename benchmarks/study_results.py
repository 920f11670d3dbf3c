"""Lay out the tables of an evaluated study as Markdown.

`python benchmarks/study_results.py runs/losses [--table 0 --table 2]`
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def value(cell: dict[str, Any] | None, *, signed: bool = False) -> str:
    """Give a cell in per cent (or points, `signed`) with its 95 % interval."""
    if cell is None or cell.get("value") is None:
        return "–"
    sign = "+" if signed else ""
    text = f"{100 * cell['value']:{sign}.1f}"
    if cell["low"] is not None:
        text += f" [{100 * cell['low']:{sign}.1f}, {100 * cell['high']:{sign}.1f}]"
    if signed and cell["low"] is not None and cell["low"] <= 0 <= cell["high"]:
        text += " *"
    p_value = cell.get("difference", {}).get("p_value")
    if signed and p_value is not None:
        text += f" (p = {p_value:.3f})"
    return text


def lay_out(table: dict[str, Any]) -> list[str]:
    """Give the lines of one table: values, then each row less the row of the contrast."""
    columns = " | ".join(table["columns"])
    lines = [f"**{table['title']}**", ""]
    if table["note"]:
        lines += [table["note"].replace("{}", "`{}`"), ""]
    lines += [f"| | {columns} |", "|---|" + "---|" * len(table["columns"])]
    for row in table["rows"]:
        cells = row["cells"]
        signed = any(cell is not None and cell.get("minus") for cell in cells)
        shown = " | ".join(value(cell, signed=signed) for cell in cells)
        lines.append(f"| {row['name']} | {shown} |")
        reference = row.get("reference")
        if reference and any(number is not None for number in reference):
            printed = " | ".join("–" if number is None else f"{number}" for number in reference)
            lines.append(f"| _{row['name']}, printed in the paper_ | {printed} |")
    for row in table["rows"]:
        if row.get("contrasts") and row["name"] != table["contrast"]:
            shown = " | ".join(value(cell, signed=True) for cell in row["contrasts"])
            lines.append(f"| {row['name']} less {table['contrast']} | {shown} |")
    return [*lines, ""]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--table", type=int, action="append", help="by default all; from 0")
    options = parser.parse_args()
    tables = json.loads((options.study / "study.json").read_text(encoding="utf-8"))["tables"]
    for number, table in enumerate(tables):
        if options.table is None or number in options.table:
            print("\n".join(lay_out(table)))
    print(
        "In per cent, differences in points, with 95 % intervals; * where an interval holds 0; p "
        "is two-sided, of the same paired bootstrap."
    )


if __name__ == "__main__":
    main()
