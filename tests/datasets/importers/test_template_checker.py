from __future__ import annotations

from polymodal_datasets.importers.template_checker import TemplateChecker, nearest
from polymodal_datasets.importers.templates import Slot


def checker() -> TemplateChecker:
    return TemplateChecker("t.csv", ["id", "attr_1", "attr_2", "odd*"], {"imu": ["x", "y"]})


def messages(check: TemplateChecker) -> list[str]:
    return [str(problem) for problem in check.problems]


def test_columns_of_table_and_joins_are_known() -> None:
    check = checker()
    assert check.template("{id}/{imu.x}.jpg", "path").columns == ("id", "imu.x")
    assert check.problems == []


def test_an_unknown_column_suggests_the_nearest() -> None:
    check = checker()
    check.template("{ids}.jpg", "columns.image.path")
    assert messages(check) == [
        "columns.image.path: t.csv has no column 'ids'; did you mean 'id'? "
        "known: attr_1, attr_2, id, imu.x, imu.y, odd*"
    ]


def test_forgotten_braces() -> None:
    check = checker()
    check.template("id", "label")
    check.template("whatever", "instance")
    check.template("id", "split", fixed=True)
    assert check.template("train", "split", fixed=True).fill({}) == "train"
    assert messages(check) == [
        "label: 'id' uses no column of t.csv; write '{id}' for a cell",
        "instance: 'whatever' uses no column of t.csv; write '{column}' for a cell",
        "split: 'id' uses no column of t.csv; write '{id}' for a cell",
    ]


def test_a_template_over_another_table() -> None:
    check = checker()
    check.template_over("{id}", "joins.0.to", "imu.csv", ["x", "y"])
    assert messages(check) == ["joins.0.to: imu.csv has no column 'id'; known: x, y"]


def test_patterns_of_vectors_are_expanded_in_the_order_of_the_table() -> None:
    check = checker()
    found = check.vector("{attr_*}, {id} {imu.?}", "vector")
    assert found.parts == tuple(Slot(name) for name in ("attr_1", "attr_2", "id", "imu.x", "imu.y"))
    assert check.vector("{odd*}", "vector").columns == ("odd*",)
    assert check.problems == []


def test_bad_vectors() -> None:
    check = checker()
    check.vector("{attribute_*}", "vector")
    check.vector("{id}x{attr_1}", "vector")
    check.vector("attr_1", "vector")
    check.vector("{id", "vector")
    assert len(check.problems) == 5
    for message, part in zip(
        messages(check),
        (
            "no column of t.csv matches 'attribute_*'",
            "only spaces and commas",
            "only spaces and commas",
            "uses no column",
            "lone '{'",
        ),
        strict=True,
    ):
        assert part in message


def test_of_a_wide_table_only_the_nearest_are_named() -> None:
    known = [f"attr_{number}" for number in range(300)] + ["image"]
    assert nearest("imag", known) == "; did you mean 'image'?"
    assert nearest("zzz", known) == ""
