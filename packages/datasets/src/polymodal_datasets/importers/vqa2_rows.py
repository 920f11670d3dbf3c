"""Rows of VQA v2: one per question."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow, Column, Item, Row

from polymodal_datasets.importers.picture_folders import PictureFolders
from polymodal_datasets.importers.vqa2 import VQA2Config
from polymodal_datasets.importers.vqa2_files import Question, read_questions

FOLDERS = ("train2014", "val2014", "test2015")


class VQA2Importer:
    """Reads the rows of VQA v2; after `rows`, `notes` counts what is in no row, and gaps."""

    def __init__(self, config: VQA2Config) -> None:
        """Read questions and annotations; raises PolymodalError where none or damaged."""
        self.root: str | None = str(config.root)
        self.notes: Mapping[str, int] = {}
        self._statement = config.statement
        self._folders = PictureFolders(config.root)
        self._read = read_questions(config.root)
        if not any(map(self._folders.has, FOLDERS)):
            raise PolymodalError(
                f"{config.root} has no folder of COCO's pictures; any of {', '.join(FOLDERS)} does"
            )

    @property
    def columns(self) -> Mapping[str, Column]:
        """Columns by name: answers where any split has annotations or choices."""
        found = {
            "image": True,
            "question": True,
            "qa": self._read.annotated,
            "answers": self._read.annotated or self._read.has_choices,
        }
        return {
            name: Column("image" if name == "image" else "text")
            for name, present in found.items()
            if present
        }

    @cached_property
    def total(self) -> int:
        """Number of rows, bad ones included."""
        return sum(1 for _ in self._rows({}))

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield a row per question, in the files' order."""
        counts = dict(self._read.counts)
        yield from self._rows(counts)
        self.notes = counts

    def _rows(self, counts: dict[str, int]) -> Iterator[Row | BadRow]:
        missing: set[int] = set()
        for question in self._read.found:
            if isinstance(question, BadRow):
                yield question
                continue
            file = f"COCO_{question.folder}_{question.picture:012d}.jpg"
            path = self._folders.find(question.folder, file)
            if path is not None:
                yield self._row(question, path)
            elif not self._folders.has(question.folder):
                what = f"questions whose pictures' folder {question.folder} is absent"
                counts[what] = counts.get(what, 0) + 1
            elif question.picture not in missing:
                missing.add(question.picture)
                message = f"no picture {question.folder}/{file}; none of its questions is read"
                yield BadRow(question.origin, message)

    def _row(self, question: Question, path: str) -> Row:
        name = str(question.number)
        annotation = question.annotation
        items = {"image": Item(path, path), "question": Item(name, question.text)}
        known: dict[str, object] = {}
        if annotation is not None:
            statement = self._statement.format(
                question=question.text, answer=annotation.most_common
            )
            items["qa"] = Item(name, statement)
            known = {
                "answers": annotation.answers,
                "question_type": annotation.question_type,
                "answer_type": annotation.answer_type,
            }
        if question.choices is not None:
            known["choices"] = question.choices
        if known:
            items["answers"] = Item(name, json.dumps(known, ensure_ascii=False))
        label = None if annotation is None else annotation.most_common
        return Row(items, str(question.picture), label, question.split, question.origin)
