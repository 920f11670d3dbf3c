"""Lay out the reports of several runs of one recipe as a Markdown table, one column per run.

`python benchmarks/results.py runs/rooms-0 runs/rooms-1 [--task retrieval] [--metric r@1]`
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

Estimates = dict[tuple[str, str, str], dict[str, Any]]


def estimates(run: Path, metrics: list[str] | None, tasks: list[str] | None) -> Estimates:
    """Give the estimates of a report by (task and split, pair, metric)."""
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    found: Estimates = {}
    for task in report["tasks"]:
        for item in task["measurements"] if tasks is None or task["task"] in tasks else ():
            for metric, estimate in item["estimates"].items():
                if metric in (metrics or [item["headline"]]):
                    pair = f"{item['query']} → {item['gallery']}"
                    place = (f"{task['task']}, {task['split']}", pair, metric)
                    found[place] = {**estimate, "queries": item["num_queries"]}
    return found


def cell(estimate: dict[str, Any] | None) -> str:
    """Give value and interval in per cent, marked where it does not lie above chance."""
    if estimate is None:
        return "–"
    text = f"{100 * estimate['value']:.1f}"
    if estimate["low"] is not None:
        text += f" [{100 * estimate['low']:.1f}, {100 * estimate['high']:.1f}]"
    return text + ("" if estimate["above_chance"] is not False else " *")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--metric", action="append", help="by default each task's headline")
    parser.add_argument("--task", action="append", help="by default all")
    options = parser.parse_args()
    reports = [estimates(run, options.metric, options.task) for run in options.runs]
    names = " | ".join(run.name for run in options.runs)
    print(f"| task, split | query → gallery | metric | chance | queries | {names} |")
    print("|---|---|---|---|---|" + "---|" * len(reports))
    for place in dict.fromkeys(place for report in reports for place in report):
        known = next(report[place] for report in reports if place in report)
        chance = "–" if known["chance"] is None else f"{100 * known['chance']:.2f}"
        cells = " | ".join(cell(report.get(place)) for report in reports)
        task, pair, metric = place
        print(f"| {task} | {pair} | {metric} | {chance} | {known['queries']} | {cells} |")
    print("\nIn per cent, with 95 % intervals; * where the interval does not lie above chance.")


if __name__ == "__main__":
    main()
