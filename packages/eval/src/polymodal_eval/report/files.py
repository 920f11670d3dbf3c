"""Writing a report: three files, each whole or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from polymodal_core.errors import PolymodalError

from polymodal_eval.report.document import document
from polymodal_eval.report.page import render
from polymodal_eval.report.records import write_queries

if TYPE_CHECKING:
    from polymodal_eval.report.evaluated import Evaluated

JSON = "report.json"
QUERIES = "queries.parquet"
PAGE = "report.html"


def write_report(folder: Path, evaluated: Evaluated) -> Path:
    """Write report.json, queries.parquet and report.html into `folder`; give the page's path.

    All three are written beside their places first and then take them, so that an earlier report
    stays whole until the new one is complete. Raises PolymodalError where they cannot be written.
    """
    content = document(evaluated)
    page = render(evaluated, content)

    def write_text(text: str) -> Callable[[Path], object]:
        return lambda path: path.write_text(text, encoding="utf-8")

    writers: dict[str, Callable[[Path], object]] = {
        JSON: write_text(json.dumps(content, indent=1, allow_nan=False) + "\n"),
        QUERIES: lambda path: write_queries(path, evaluated.results),
        PAGE: write_text(page),
    }
    partial = {name: folder / f".{name}.partial" for name in writers}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, write in writers.items():
            write(partial[name])
        for name, path in partial.items():
            os.replace(path, folder / name)
    except OSError as error:
        raise PolymodalError(
            f"{folder}: could not write the report: {error}; make room, or choose another folder "
            f"with --out. An earlier report there is unchanged"
        ) from error
    finally:
        for path in partial.values():
            with suppress(OSError):  # the folder itself may be missing, or a file
                path.unlink()
    return folder / PAGE
