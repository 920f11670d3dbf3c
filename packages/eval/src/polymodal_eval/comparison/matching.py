"""Which measurements of two reports can be compared, and why the others cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from polymodal_core.errors import PolymodalError

from polymodal_eval.comparison.reports import Line, Report

CUT = "of other rows (another cut, or data.limit)"


def check_stores(reports: Sequence[Report]) -> None:
    """Raise PolymodalError unless reports are of stores with the same contents, others too."""
    first = reports[0]
    for report in reports:
        if report.fingerprint is None:
            raise PolymodalError(f"{report.folder}: its report does not say on which store it is")
        if report.fingerprint != first.fingerprint:
            raise PolymodalError(
                f"{first.folder} and {report.folder} are not comparable: they were evaluated on "
                f"stores with other contents, {_store(first)} and {_store(report)}; evaluate one "
                f"again with --set data.store=FOLDER --out FOLDER"
            )
        for name, other in report.content["store"].get("others", {}).items():
            known = first.content["store"].get("others", {}).get(name, other)
            if known["fingerprint"] != other["fingerprint"]:
                raise PolymodalError(
                    f"{first.folder} and {report.folder} are not comparable: the other store "
                    f"'{name}' has other contents, {known['path']} and {other['path']}"
                )


def store_of(report: Report, split: str) -> Mapping[str, Any]:
    """Give what a report says of the store that a split is of: "test", or "test of cifar10"."""
    store: Mapping[str, Any] = report.content.get("store", {})
    other = split.rpartition(" of ")[2]
    found: Mapping[str, Any] = store.get("others", {}).get(other, store)
    return found


def check_same_store(line: Line, other: Line, first: Report, second: Report) -> None:
    """Raise PolymodalError unless two measurements are of one store, whichever report names it."""
    stores = [store_of(first, line.split), store_of(second, other.split)]
    if stores[0].get("fingerprint") is None or stores[1].get("fingerprint") is None:
        raise PolymodalError(f"{first.folder}: its report does not say on which store it is")
    if stores[0]["fingerprint"] != stores[1]["fingerprint"]:
        shown = [f"{store.get('path')} ({store['fingerprint']})" for store in stores]
        raise PolymodalError(
            f"{first.folder} and {second.folder} are not comparable: they were evaluated on "
            f"stores with other contents, {shown[0]} and {shown[1]}; evaluate one again with "
            f"--set data.store=FOLDER --out FOLDER"
        )


def find(line: Line, first: Report, second: Report) -> tuple[Line | None, str]:
    """Find in `second` what `first` measured as `line`, and say why there is nothing."""
    candidates = [item for item in second.lines if item.key == line.key]
    if not candidates:
        return None, f"not measured in {second.folder}"
    reasons: list[list[str]] = []
    for item in candidates:
        found = list(differences(line, item, first, second))
        if not found:
            return item, ""
        reasons.append(found)
    fewest: list[str] = min(reasons, key=len)
    return None, "; ".join(fewest)


def differences(line: Line, other: Line, first: Report, second: Report) -> Iterator[str]:
    """Say what makes two measurements of the same columns differ in what they measure."""
    if line.split != other.split:
        yield f"split {line.split} against {other.split}"
        return
    one, two = line.content["protocol"], other.content["protocol"]
    for key in dict.fromkeys([*one, *two]):
        if one.get(key) != two.get(key):
            yield f"{key} {_shown(one.get(key))} against {_shown(two.get(key))}"
    sizes = line.content["num_candidates"], other.content["num_candidates"]
    if sizes[0] != sizes[1]:
        yield f"{sizes[0]:,} candidates against {sizes[1]:,}"
        return
    for column in line.content["gallery_columns"]:
        checksums = [_checksum(report, line.split, column) for report in (first, second)]
        if checksums[0] != checksums[1]:
            yield f"a gallery of {column} {CUT}"


def _checksum(report: Report, split: str, column: str) -> str | None:
    columns: Sequence[Mapping[str, Any]] = report.content["splits"][split]["columns"]
    return next((str(item["checksum"]) for item in columns if item["name"] == column), None)


def _store(report: Report) -> str:
    return f"{report.content['store'].get('path')} ({report.fingerprint})"


def _shown(value: Any) -> str:
    return "(none)" if value is None else str(value)
