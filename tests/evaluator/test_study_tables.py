from __future__ import annotations

import io

import pytest
from polymodal_eval.statistics import Estimate, PairedEstimate
from polymodal_eval.study.cells import Layout
from polymodal_eval.study.fill import Filled, FilledRow, FilledTable
from polymodal_eval.study.tables import TableConfig
from polymodal_evaluator.display import Display
from polymodal_evaluator.study_tables import show_tables, unit_of
from rich.console import Console


def filled(value: float, low: float, high: float, **more: object) -> Filled:
    return Filled(Estimate(value, low, high), metric="r@1", **more)  # type: ignore[arg-type]


def table_of(*rows: FilledRow, columns: int, **config: object) -> FilledTable:
    names = tuple(f"c{number}" for number in range(columns))
    given = {"title": "T [x]", "rows": "o", "columns": "o", **config}
    layout = Layout(TableConfig.model_validate(given), tuple(row.name for row in rows), names, ())
    return FilledTable(layout, rows)


def shown(table: FilledTable) -> str:
    stream = io.StringIO()
    show_tables(Display(console=Console(file=stream, width=110)), [table])
    return stream.getvalue()


def test_a_wide_table_is_shown_in_parts_and_marked_where_it_is_the_papers() -> None:
    cells = tuple(filled(number / 10, 0.0, 0.9, runs={"0": 0.1, "1": 0.2}) for number in range(8))
    text = shown(
        table_of(
            FilledRow("ours", cells),
            columns=8,
            reference={"ours": [*range(10, 17), "-"]},
            others={"older": [50] * 8},
            note="Mind [this].",
            source="Some & Others",
        )
    )
    assert text.count("T [x] (R@1, in %)") == 2
    assert "c3" in text.split("T [x]")[1]
    assert "c4" in text.split("T [x]")[2]
    assert text.count("  paper") == 2
    assert "older (paper)" in text
    assert "runs 10.0 – 20.0" in text
    assert "paper: printed in Some & Others, on its own data and models; not ours" in text
    assert "Mind [this]." in text


def test_contrasts_say_what_cannot_be_told_apart() -> None:
    text = shown(
        table_of(
            FilledRow("A", (filled(0.5, 0.4, 0.6),) * 2, (None, None)),
            FilledRow(
                "B",
                (filled(0.6, 0.5, 0.7), Filled(reason="not trained")),
                (filled(0.1, -0.01, 0.2, signed=True), filled(0.1, 0.05, 0.2, signed=True)),
            ),
            columns=2,
            contrast="A",
        )
    )
    assert "less A, query by query (in points)" in text
    assert text.count("n.d.") == 2  # the cell, and what it means
    assert "n.d.: not distinguishable, the interval holds 0" in text
    assert "– B, c1: not trained" in text


def test_contrasts_have_p_values() -> None:
    found = [
        Filled(PairedEstimate(0.1, low, 0.2, p_value=p), metric="r@1", signed=True)
        for low, p in ((0.05, 0.002), (-0.01, 0.0712))
    ]
    text = shown(
        table_of(
            FilledRow("A", (filled(0.5, 0.4, 0.6),) * 2, (None, None)),
            FilledRow("B", (filled(0.6, 0.5, 0.7),) * 2, tuple(found)),
            columns=2,
            contrast="A",
        )
    )
    assert text.count("p = 0.002") == text.count("p = 0.071") == 1
    assert "p: two-sided, of the bootstrap that the interval is of" in text


@pytest.mark.parametrize(
    ("cells", "unit"),
    [
        ((Filled(Estimate(0.1), metric="r@1"),), "(R@1, in %)"),
        ((Filled(Estimate(0.1), metric="r@1", signed=True), Filled()), "(R@1, in points)"),
        ((Filled(Estimate(0.1), metric="r@1", signed=True, relative=True),), "(R@1, in %)"),
        ((Filled(Estimate(0.1), metric="r@1"), Filled(Estimate(0.1), metric="map")), "(in %)"),
        ((Filled(Estimate(3.0), metric="median_rank"),), "(median rank)"),
    ],
)
def test_units(cells: tuple[Filled, ...], unit: str) -> None:
    assert unit_of(table_of(FilledRow("A", cells), columns=len(cells))) == unit
