"""The `vqa2` importer: VQA v2 in its original layout, one row per question.

Below `root` (or in folders `questions/`, `annotations/` of it) lie, for any of the splits
train2014, val2014, test2015 and test-dev2015:

- `v2_OpenEnded_mscoco_{split}_questions.json`, which makes the rows;
- `v2_mscoco_{split}_annotations.json`: the answers; the test splits have none;
- `v2_MultipleChoice_mscoco_{split}_questions.json`: the choices of each question.

Without any file of version 2, those of version 1 are read: the same names without "v2_". The
pictures are COCO's, in `train2014/`, `val2014/`, `test2015/`, or in `images/`. Splits are `train`,
`validation`, `test` and `test_dev`; a question of test-dev is one of the test too, and counts as
`test_dev` alone.

Columns:

- `image`, stored once however many questions it has, and `question`, a text;
- `qa`, a text: question and most common answer by `statement`, to train on;
- `answers`, a text that is no input of a model but what an evaluation reads: JSON with `answers`
  (all ten, in order), `question_type`, `answer_type`, and `choices` where there are any. The
  official accuracy of an answer is the mean over the ten ways to leave one of them out of
  min(1, n / 3), with n of the other nine that equal it.

The label is the most common answer, `instance` the picture's number. A question without an
annotation is a row without answers, and counted where its split has annotations at all.
"""

from __future__ import annotations

import string
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polymodal_core.config import ImporterConfig
from pydantic import field_validator

if TYPE_CHECKING:
    from polymodal_core.rows import Importer


class VQA2Config(ImporterConfig):
    """VQA v2 below `root`: pictures, questions, ten answers each, choices.

    `statement` says how question and answer become one text.
    """

    kind: Literal["vqa2"] = "vqa2"
    root: Path
    statement: str = "{question} {answer}"

    @field_validator("statement")
    @classmethod
    def _check_fields(cls, statement: str) -> str:
        try:
            parts = list(string.Formatter().parse(statement))
        except ValueError as error:
            raise ValueError(f"is no template ({error})") from None
        fields = {name for _, name, form, _ in parts if name is not None and not form}
        if fields != {"question", "answer"}:
            raise ValueError("must hold {question} and {answer}, and no other field")
        return statement

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where a part is missing or damaged."""
        from polymodal_datasets.importers.vqa2_rows import VQA2Importer

        return VQA2Importer(self)
