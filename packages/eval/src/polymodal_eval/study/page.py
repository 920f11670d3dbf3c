"""study.html: one self-contained page in the look of a run's report."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from polymodal_eval.report.files import PAGE
from polymodal_eval.report.titles import metric_name, task_title
from polymodal_eval.study.bars import bars_of
from polymodal_eval.study.fill import FilledTable
from polymodal_eval.study.numbers import interval, number, p_value, printed, spread
from polymodal_eval.study.written import StudyReport


def render_study(report: StudyReport, document: Mapping[str, Any], *, folder: Path) -> str:
    """Give the page as HTML; `document` is what study.json holds, `folder` where the page goes."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("polymodal_eval", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number,
        interval=interval,
        spread=spread,
        printed=printed,
        p_value=p_value,
        metric=metric_name,
    )
    return environment.get_template("study/study.html.j2").render(
        report=report,
        document=document,
        tables=[_table(table) for table in report.tables],
        runs=list(_runs(report, folder)),
        stores=sorted({str(item.content["store"].get("path")) for item in report.reports.values()}),
    )


def _table(table: FilledTable) -> dict[str, Any]:
    config = table.layout.config
    return {
        "config": config,
        "columns": table.layout.columns,
        "rows": table.rows,
        "measures": ", ".join(_measures(table)),
        "chart": bars_of(table) if config.chart == "bars" else "",
        "reasons": table.reasons,
    }


def _measures(table: FilledTable) -> Iterator[str]:
    quantities = [
        cell.quantity
        for row in table.layout.cells
        for cell in row
        if cell is not None and cell.quantity is not None
    ]
    for task in dict.fromkeys(quantity.task for quantity in quantities):
        metrics = dict.fromkeys(item.metric for item in quantities if item.task == task)
        yield f"{task_title(task)}: {', '.join(map(metric_name, metrics))}"


def _runs(report: StudyReport, folder: Path) -> Iterator[dict[str, Any]]:
    for run in report.study.runs:
        found = report.reports.get(run.folder)
        link = None
        if found is not None:
            target = os.path.relpath(found.folder.resolve() / PAGE, folder.resolve())
            link = Path(target).as_posix()
        yield {
            "folder": run.folder,
            "choice": list(run.choice.values()),
            "link": link,
            "step": None if found is None else found.content["run"].get("step"),
            "lacking": report.lacking.get(run.folder, ""),
        }
