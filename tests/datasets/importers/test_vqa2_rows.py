from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_core.plugins import Registry
from polymodal_core.rows import Importer
from polymodal_core.testing import check_importer
from polymodal_datasets.importers.vqa2 import VQA2Config
from pydantic import ValidationError

from .coco_tree import dump
from .reading import ids, rows_of, split_rows, touch, values

ANSWERS = ["yes"] * 7 + ["no", "maybe", "Yes."]


def question(number: int) -> dict[str, Any]:
    """Question n is about picture n // 1000."""
    return {"image_id": number // 1000, "question_id": number, "question": f" Is it {number}? "}


def annotation(number: int, answers: list[str] = ANSWERS) -> dict[str, Any]:
    return {
        "question_type": "is it",
        "answer_type": "yes/no",
        "multiple_choice_answer": answers[0],
        "answers": [
            {"answer": answer, "answer_confidence": "yes", "answer_id": place + 1}
            for place, answer in enumerate(answers)
        ],
        "image_id": number // 1000,
        "question_id": number,
    }


def split(
    root: Path,
    name: str,
    numbers: list[int],
    *,
    annotated: bool = True,
    version: str = "v2_",
) -> Path:
    folder = name.replace("-dev", "")
    for number in numbers:
        touch(root / folder, f"COCO_{folder}_{number // 1000:012d}.jpg")
    path = root / f"{version}OpenEnded_mscoco_{name}_questions.json"
    dump(path, {"task_type": "Open-Ended", "questions": [question(number) for number in numbers]})
    if annotated:
        content = {"annotations": [annotation(number) for number in numbers]}
        dump(root / f"{version}mscoco_{name}_annotations.json", content)
    return path


def build(root: Path, **options: Any) -> Importer:
    return VQA2Config.model_validate({"root": root, **options}).build()


def notes(importer: Importer) -> dict[str, int]:
    return dict(importer.notes)  # type: ignore[attr-defined]


def soft_accuracy(answers: list[str], answer: str) -> float:
    """As the authors compute it: over the ten ways to leave one person out."""
    found = []
    for left_out in range(len(answers)):
        others = answers[:left_out] + answers[left_out + 1 :]
        found.append(min(1.0, others.count(answer) / 3))
    return sum(found) / len(found)


def test_a_row_per_question_with_what_the_accuracy_needs(tmp_path: Path) -> None:
    split(tmp_path, "train2014", [5001, 5002, 6001])
    split(tmp_path, "val2014", [7001])
    importer = build(tmp_path)
    rows = rows_of(importer)
    assert {name: column.kind for name, column in importer.columns.items()} == {
        "image": "image",
        "question": "text",
        "qa": "text",
        "answers": "text",
    }
    assert importer.total == len(rows) == 4
    assert [row.split for row in rows] == ["train"] * 3 + ["validation"]
    assert [row.instance for row in rows] == ["5", "5", "6", "7"]
    assert {row.label for row in rows} == {"yes"}
    assert ids(rows, "image")[:2] == ["train2014/COCO_train2014_000000000005.jpg"] * 2
    assert (tmp_path / values(rows, "image")[3]).is_file()
    assert values(rows, "question")[1] == "Is it 5002?"
    assert values(rows, "qa")[1] == "Is it 5002? yes"
    read = json.loads(values(rows, "answers")[1])
    assert read == {"answers": ANSWERS, "question_type": "is it", "answer_type": "yes/no"}
    assert soft_accuracy(read["answers"], "no") == pytest.approx(0.3)
    assert soft_accuracy(read["answers"], "yes") == 1.0
    assert rows[3].origin == "v2_OpenEnded_mscoco_val2014_questions.json: questions[0]"
    check_importer(VQA2Config(root=tmp_path), installed=Registry())


def test_choices_and_another_statement(tmp_path: Path) -> None:
    path = split(tmp_path, "val2014", [7001, 7002], annotated=False)
    chosen = [
        {**question(7001), "multiple_choices": ["yes", "no", "2"]},
        {**question(9001), "multiple_choices": ["red"]},
        {**question(7002), "multiple_choices": [2]},
    ]
    dump(tmp_path / path.name.replace("OpenEnded", "MultipleChoice"), {"questions": chosen})
    importer = build(tmp_path, statement="{answer}: {question}")
    assert set(importer.columns) == {"image", "question", "answers"}
    rows, bad = split_rows(importer)
    assert [json.loads(text or "{}") for text in values(rows, "answers")] == [
        {"choices": ["yes", "no", "2"]},
        {},
    ]
    assert [row.origin.partition(": ")[2] for row in bad] == ["questions[2]"]
    assert "the choices of question 7002 are [2]; texts" in bad[0].message
    assert notes(importer) == {"choices of val2014 without a question": 1}
    split(tmp_path, "val2014", [7001])
    (tmp_path / path.name.replace("OpenEnded", "MultipleChoice")).unlink()
    rows = rows_of(build(tmp_path, statement="{answer}: {question}"))
    assert values(rows, "qa") == ["yes: Is it 7001?"]


def test_test_splits_have_no_answers_and_share_no_question(tmp_path: Path) -> None:
    split(tmp_path, "test2015", [8001, 8002, 9001], annotated=False)
    split(tmp_path, "test-dev2015", [8002], annotated=False)
    importer = build(tmp_path)
    rows = rows_of(importer)
    assert set(importer.columns) == {"image", "question"}
    assert {(row.items["question"].id, row.split) for row in rows} == {
        ("8001", "test"),
        ("8002", "test_dev"),
        ("9001", "test"),
    }
    assert {row.label for row in rows} == {None}
    assert notes(importer) == {"questions of test2015 that are in another split": 1}
    assert importer.total == 3


def test_version_1_is_read_where_there_is_no_version_2(tmp_path: Path) -> None:
    split(tmp_path, "val2014", [7001], version="")
    assert len(rows_of(build(tmp_path))) == 1
    split(tmp_path, "train2014", [5001, 5002])
    assert {row.split for row in rows_of(build(tmp_path))} == {"train"}


def test_folders_of_their_own(tmp_path: Path) -> None:
    path = split(tmp_path, "val2014", [7001])
    for role, name in (
        ("questions", path.name),
        ("annotations", "v2_mscoco_val2014_annotations.json"),
    ):
        (tmp_path / role).mkdir()
        (tmp_path / name).rename(tmp_path / role / name)
    (tmp_path / "images").mkdir()
    (tmp_path / "val2014").rename(tmp_path / "images" / "val2014")
    rows = rows_of(build(tmp_path))
    assert rows[0].label == "yes"
    assert ids(rows, "image") == ["images/val2014/COCO_val2014_000000000007.jpg"]


def test_absent_pictures(tmp_path: Path) -> None:
    split(tmp_path, "train2014", [5001, 5002])
    split(tmp_path, "val2014", [7001, 7002, 8001])
    (tmp_path / "train2014").rename(tmp_path / "away")
    (tmp_path / "val2014" / "COCO_val2014_000000000007.jpg").unlink()
    importer = build(tmp_path)
    rows, bad = split_rows(importer)
    assert [row.instance for row in rows] == ["8"]
    assert [row.message for row in bad] == [
        "no picture val2014/COCO_val2014_000000000007.jpg; none of its questions is read"
    ]
    assert notes(importer) == {"questions whose pictures' folder train2014 is absent": 2}
    assert importer.total == 2
    (tmp_path / "val2014").rename(tmp_path / "gone")
    with pytest.raises(PolymodalError, match="no folder of COCO's pictures; any of train2014"):
        build(tmp_path)


def test_bad_records_name_their_place(tmp_path: Path) -> None:
    path = split(tmp_path, "val2014", [7001, 7002, 7003, 7004, 7005])
    content = json.loads(path.read_text())
    content["questions"][1]["image_id"] = 6
    content["questions"][2]["question"] = " "
    content["questions"] += [question(7001), {"question_id": 3}]
    dump(path, content)
    marked = tmp_path / "v2_mscoco_val2014_annotations.json"
    annotations = json.loads(marked.read_text())["annotations"]
    annotations[3]["answers"].pop()
    del annotations[4]["answer_type"]
    dump(marked, {"annotations": [*annotations, annotation(7001), annotation(9999)]})
    importer = build(tmp_path)
    rows, bad = split_rows(importer)
    assert [row.items["question"].id for row in rows] == ["7001", "7004", "7005"]
    assert [row.label for row in rows] == ["yes", None, None]
    assert [(row.origin.partition(": ")[2], row.message[:50]) for row in bad] == [
        ("annotations[3]", "has 9 answers; the accuracy is defined over 10"),
        ("annotations[4]", "has no 'answer_type'; it has question_type, multip"),
        ("annotations[5]", "question 7001 is annotated already"),
        ("questions[1]", "question 7002 is about picture 6, its annotation a"),
        ("questions[2]", "question 7003 is empty"),
        ("questions[5]", "the question 7001 is there already"),
        ("questions[6]", "has no 'image_id'; it has question_id"),
    ]
    assert notes(importer) == {
        "questions of val2014 without an annotation": 2,
        "annotations of val2014 without a question": 3,
    }


@pytest.mark.parametrize(
    "statement", ["{question}", "{question} {answer} {other}", "{}", "{question", "{answer:>9}"]
)
def test_statements_that_cannot_be_filled(tmp_path: Path, statement: str) -> None:
    with pytest.raises(ValidationError, match=r"is no template|must hold \{question\} and \{"):
        VQA2Config(root=tmp_path, statement=statement)


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match="no questions: any of v2_OpenEnded_mscoco_SPLIT"):
        build(tmp_path)
