"""The `[[tables]]` of a study: what each cell measures, and a paper's own numbers beside it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from polymodal_core.config import Configuration
from pydantic import BeforeValidator, Field, model_validator

Side = str | tuple[str, ...]
"""A column, or a combination: `"image"`, `["image", "text"]` or `"image + text"`."""


def _no_dash(value: Any) -> Any:
    # TOML has no null; a paper prints a dash where it has no number.
    return None if value in ("-", "–", "") else value


Printed = tuple[Annotated[float | None, BeforeValidator(_no_dash)], ...]
"""Numbers as printed, one per column of a table, "-" where there is none."""


class Selector(Configuration):
    """What a cell measures, in parts: a cell is the table's, its column's and its row's, merged.

    `where` chooses runs by their variants; runs that differ in `average` alone are averaged, query
    by query. `task` (by default retrieval, enrichment where a side combines columns), `split` and
    `metric` choose measurements of their reports; so do `pairs` of [query, gallery], `between` two
    columns in both directions, or `query` and `gallery`. Several pairs are averaged; without any
    it is all pairs of the task. `minus` describes what is subtracted, by what differs;
    `relative` divides the difference by it.
    """

    where: dict[str, Any] = Field(default_factory=dict)
    average: tuple[str, ...] | None = None
    task: str | None = None
    split: str | None = None
    metric: str | None = None
    pairs: tuple[tuple[Side, Side], ...] | None = Field(default=None, min_length=1)
    between: tuple[Side, Side] | None = None
    query: Side | None = None
    gallery: Side | None = None
    minus: Selector | None = None
    relative: bool | None = None

    @model_validator(mode="after")
    def _check_one_way(self) -> Selector:
        sides = self.query is not None or self.gallery is not None
        if (self.pairs is not None) + (self.between is not None) + sides > 1:
            raise ValueError("give one of pairs, between, or query and gallery")
        if self.minus is not None and self.minus.minus is not None:
            raise ValueError("minus cannot hold a minus of its own")
        return self


class ColumnConfig(Selector):
    """A column of a table. `mean` is the mean of the row's other cells instead."""

    name: str = Field(min_length=1)
    mean: bool = False


class RowConfig(Selector):
    """A row of a table.

    `cells`, by the name of a column, say what is special about each; a row that has `cells` has no
    others.
    """

    name: str = Field(min_length=1)
    cells: dict[str, Selector] | None = None


class TableConfig(Selector):
    """A table of a study.

    `rows` and `columns` are listed, or are the variants of an axis; `rows` may cross several axes.
    `reference` holds the numbers that a paper prints for our rows, `others` rows of nothing but
    such numbers; both are shown as the paper's. With `contrast`, the name of a row, every other
    row is compared with it, query by query. `chart = "bars"` draws the table as well.
    """

    title: str = Field(min_length=1)
    note: str = ""
    rows: str | tuple[str, ...] | tuple[RowConfig, ...]
    columns: str | tuple[ColumnConfig, ...]
    source: str = "the paper"
    reference: dict[str, Printed] = Field(default_factory=dict)
    others: dict[str, Printed] = Field(default_factory=dict)
    contrast: str | None = None
    chart: Literal["bars"] | None = None


SELECTED = tuple(name for name in Selector.model_fields if name != "where")
PAIRING = ("pairs", "between", "query", "gallery")


def combined(*selectors: Selector) -> Selector:
    """Merge selectors, the last word counts; `where` and `minus` are merged key by key.

    A way to name pairs replaces the others, but a `query` goes with a `gallery`.
    """
    found: dict[str, Any] = {}
    for selector in selectors:
        given = {
            name: getattr(selector, name)
            for name in SELECTED
            if name in selector.model_fields_set and getattr(selector, name) is not None
        }
        ways = given.keys() & set(PAIRING)
        if ways:
            kept = {"query", "gallery"} if ways <= {"query", "gallery"} else set()
            found = {key: value for key, value in found.items() if key not in {*PAIRING} - kept}
        if "minus" in given and "minus" in found:
            given["minus"] = combined(found["minus"], given["minus"])
        where = {**found.get("where", {}), **selector.where}
        found = {**found, **given, "where": where}
    return Selector.model_construct(_fields_set=set(found), **found)
