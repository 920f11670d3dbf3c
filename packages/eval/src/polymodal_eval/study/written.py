"""Writing a study's report: study.json and study.html, both or neither."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polymodal_core.errors import PolymodalError

from polymodal_eval.comparison.reports import Report
from polymodal_eval.study.file import Study
from polymodal_eval.study.fill import FilledTable

JSON = "study.json"
PAGE = "study.html"


@dataclass(frozen=True)
class StudyReport:
    """A study with its filled tables and all that is known of its runs.

    `reports` and `lacking` (why there is none) by the runs' folders. `evaluation` is plain data:
    date, command, versions, seed and resamples; `source` the text of study.toml.
    """

    name: str
    study: Study
    tables: Sequence[FilledTable]
    reports: Mapping[str, Report]
    lacking: Mapping[str, str] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""


def write_study(folder: Path, report: StudyReport) -> Path:
    """Write study.json and study.html into `folder`; give the page's path.

    Both are written beside their places first. Raises PolymodalError where they cannot be written.
    """
    from polymodal_eval.study.document import study_document
    from polymodal_eval.study.page import render_study

    content = study_document(report)
    texts = {
        JSON: json.dumps(content, indent=1, allow_nan=False) + "\n",
        PAGE: render_study(report, content, folder=folder),
    }
    partial = {name: folder / f".{name}.partial" for name in texts}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            partial[name].write_text(text, encoding="utf-8")
        for name, path in partial.items():
            os.replace(path, folder / name)
    except OSError as error:
        raise PolymodalError(
            f"{folder}: could not write the study's tables: {error}; choose another folder with "
            f"--out"
        ) from error
    finally:
        for path in partial.values():
            with suppress(OSError):
                path.unlink(missing_ok=True)
    return folder / PAGE
