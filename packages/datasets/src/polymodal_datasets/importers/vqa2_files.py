"""The files of VQA v2, as they come: questions, their annotations and their choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polymodal_core.errors import PolymodalError
from polymodal_core.rows import BadRow

from polymodal_datasets.importers.cells import BadCell, text_of
from polymodal_datasets.importers.json_file import field_of, read_json, records

SPLITS = {
    "test-dev2015": "test_dev",
    "train2014": "train",
    "val2014": "validation",
    "test2015": "test",
}
"""The official splits, by the names that the rows get; test-dev first, which test repeats."""
NUM_ANSWERS = 10


@dataclass(frozen=True)
class Question:
    """A question about a picture; `annotation` and `choices` None where there are none."""

    origin: str
    number: int
    picture: int
    folder: str
    split: str
    text: str
    annotation: Annotation | None
    choices: tuple[str, ...] | None


@dataclass(frozen=True)
class Annotation:
    """What ten people answered."""

    picture: int
    most_common: str
    answers: tuple[str, ...]
    question_type: str
    answer_type: str


@dataclass
class Questions:
    """Every question that was read, with the records that could not be; counts of what lacks."""

    found: list[Question | BadRow] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    annotated: bool = False
    has_choices: bool = False


def read_questions(root: Path) -> Questions:
    """Read all splits that are there; raises PolymodalError where there is none."""
    for version in ("v2_", ""):
        files = _find(root, version)
        if files:
            return _read(files)
    raise PolymodalError(
        f"{root} has no questions: any of v2_OpenEnded_mscoco_SPLIT_questions.json is expected, "
        f"with SPLIT one of {', '.join(SPLITS)}"
    )


def _find(root: Path, version: str) -> dict[str, dict[str, Path]]:
    names = {
        "questions": "{}OpenEnded_mscoco_{}_questions.json",
        "annotations": "{}mscoco_{}_annotations.json",
        "choices": "{}MultipleChoice_mscoco_{}_questions.json",
    }
    files: dict[str, dict[str, Path]] = {}
    for split in SPLITS:
        for role, name in names.items():
            places = [root / below / name.format(version, split) for below in ("", *names)]
            path = next((path for path in places if path.is_file()), None)
            if path is not None:
                files.setdefault(split, {})[role] = path
    return {split: found for split, found in files.items() if "questions" in found}


def _read(files: Mapping[str, Mapping[str, Path]]) -> Questions:
    read = Questions()
    taken: set[int] = set()
    for split, paths in files.items():
        annotations = _annotations(paths.get("annotations"), read)
        choices = _choices(paths.get("choices"), read)
        path = paths["questions"]
        first: set[int] = set()
        for origin, record in records(path, "questions", read_json(path, "questions")["questions"]):
            try:
                question = _question(origin, record, split, annotations, choices)
                if question.number in first:
                    raise BadCell(f"the question {question.number} is there already")
            except BadCell as error:
                read.found.append(BadRow(origin, error.message))
                continue
            first.add(question.number)
            if question.number in taken:
                _count(read, f"questions of {split} that are in another split")
                continue
            if annotations is not None and question.annotation is None:
                _count(read, f"questions of {split} without an annotation")
            read.found.append(question)
        for what, known in (("annotations", annotations), ("choices", choices)):
            without = len((known or {}).keys() - first)
            if without:
                _count(read, f"{what} of {split} without a question", without)
        taken |= first
    return read


def _question(
    origin: str,
    record: Any,
    split: str,
    annotations: Mapping[int, Annotation] | None,
    choices: Mapping[int, tuple[str, ...]] | None,
) -> Question:
    number = field_of(record, "question_id", int)
    picture = field_of(record, "image_id", int)
    text = text_of(field_of(record, "question", str))
    if text is None:
        raise BadCell(f"question {number} is empty")
    annotation = (annotations or {}).get(number)
    if annotation is not None and annotation.picture != picture:
        raise BadCell(
            f"question {number} is about picture {picture}, its annotation about picture "
            f"{annotation.picture}"
        )
    folder = split.replace("-dev", "")
    of_question = (choices or {}).get(number)
    return Question(origin, number, picture, folder, SPLITS[split], text, annotation, of_question)


def _annotations(path: Path | None, read: Questions) -> dict[int, Annotation] | None:
    if path is None:
        return None
    read.annotated = True
    found: dict[int, Annotation] = {}
    for origin, record in records(
        path, "annotations", read_json(path, "annotations")["annotations"]
    ):
        try:
            number = field_of(record, "question_id", int)
            if number in found:
                raise BadCell(f"question {number} is annotated already")
            found[number] = _annotation(record)
        except BadCell as error:
            read.found.append(BadRow(origin, error.message))
    return found


def _annotation(record: Any) -> Annotation:
    answers = [field_of(answer, "answer", str) for answer in field_of(record, "answers", list)]
    if len(answers) != NUM_ANSWERS:
        raise BadCell(f"has {len(answers)} answers; the accuracy is defined over {NUM_ANSWERS}")
    most_common = text_of(field_of(record, "multiple_choice_answer", str))
    if most_common is None:
        raise BadCell("its 'multiple_choice_answer' is empty")
    return Annotation(
        field_of(record, "image_id", int),
        most_common,
        tuple(answers),
        field_of(record, "question_type", str),
        field_of(record, "answer_type", str),
    )


def _choices(path: Path | None, read: Questions) -> dict[int, tuple[str, ...]] | None:
    if path is None:
        return None
    read.has_choices = True
    found: dict[int, tuple[str, ...]] = {}
    for origin, record in records(path, "questions", read_json(path, "questions")["questions"]):
        try:
            number = field_of(record, "question_id", int)
            choices = field_of(record, "multiple_choices", list)
            if not choices or not all(isinstance(choice, str) for choice in choices):
                raise BadCell(
                    f"the choices of question {number} are {choices!r:.60}; texts are expected"
                )
        except BadCell as error:
            read.found.append(BadRow(origin, error.message))
        else:
            found[number] = tuple(choices)
    return found


def _count(read: Questions, what: str, number: int = 1) -> None:
    read.counts[what] = read.counts.get(what, 0) + number
