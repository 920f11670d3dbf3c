from __future__ import annotations

import dataclasses
import json
import zlib
from collections import Counter
from typing import Any

import numpy as np
import pytest
from polymodal_eval.report.document import document
from polymodal_eval.report.page import render
from polymodal_eval.results import NotApplicable
from polymodal_eval.space import Space, StoredValues
from polymodal_eval.tasks.config import VQAConfig
from polymodal_eval.tasks.vqa import VQA
from pydantic import ValidationError

from tests.eval.report.evaluations import evaluated
from tests.eval.worlds import embedding_table, row_table, space_of, unit

WORDS = {"yes/no": ["yes", "no"], "number": ["1", "2", "3"], "other": ["red", "blue", "a <b>"]}
NAMES = ["image", "depth", "image + depth"]
ASKED = {"yes/no": "Is it?", "number": "How many?", "other": "What color?"}


def embed(text: str) -> Any:
    return np.random.default_rng(zlib.crc32(text.encode())).normal(size=6)


def made(rng: np.random.Generator, size: int, *, choices: bool) -> list[tuple[str, str]]:
    found = []
    for number in range(size):
        kind = list(WORDS)[number % 3]
        answers = rng.choice([*WORDS[kind], "?"], 10).tolist()
        known = {"answers": answers, "question_type": ASKED[kind][:6], "answer_type": kind}
        if choices:
            known["choices"] = [answers[0], *WORDS[kind], "never"]
        found.append((f"{ASKED[kind]} {number % 2}", json.dumps(known)))
    return found


def pictures(*, size: int = 40, choices: bool = False, depth: bool = True, seed: int = 0) -> Space:
    """Two questions to a picture; some pictures without depth, a row without a question."""
    rng = np.random.default_rng(seed)
    rows = np.arange(size) // 2
    splits = {None: made(rng, size, choices=choices), "train": made(rng, 90, choices=False)}
    items = {"image": rows, "qa": np.arange(size)}
    vectors = {"image": rng.normal(size=(size // 2, 6)), "qa": rng.normal(size=(size, 6))}
    if depth:
        items["depth"] = np.where(rows % 4 == 3, -1, rows)
        vectors["depth"] = rng.normal(size=(size // 2, 6))
    space = space_of(
        embedding_table(vectors, row_table(items, instance=rows)),
        kinds={"image": "image", "qa": "text", "depth": "depth"},
        encode=lambda column, texts: unit([embed(text) for text in texts]),
    )

    def values(column: str, split: str | None) -> StoredValues:
        place = {"question": 0, "answers": 1}[column]
        found: list[Any] = [pair[place] for pair in splits[split]]
        if split is None:
            found[5] = None
        return StoredValues(np.arange(100, 100 + len(found)), found)

    return dataclasses.replace(space, values=values, source={"statement": "{question} = {answer}"})


def soft(answers: list[str], answer: str) -> float:
    parts = [answers[:place] + answers[place + 1 :] for place in range(len(answers))]
    return float(np.mean([min(1.0, part.count(answer) / 3) for part in parts]))


def mode_of(answers: list[str]) -> str:
    counts = Counter(answers)
    return min(counts, key=lambda text: (-counts[text], text))


@dataclasses.dataclass
class Reference:
    """What each question is worth, loop by loop."""

    kept: list[int]
    known: list[Any]
    scores: dict[str, list[float]]
    chance: list[float]
    best: list[float]
    usual: list[float]


def reference(space: Space, mode: str) -> Reference:
    assert space.values is not None
    questions = space.values("question", None).values
    known: list[Any] = [
        json.loads(text) if text else None for text in space.values("answers", None).values
    ]
    training = [json.loads(text) for text in space.values("answers", "train").values]
    counts = Counter(mode_of(item["answers"]) for item in training)
    top = sorted(counts, key=lambda text: (-counts[text], text))[:6]
    by_question: dict[str, Counter[str]] = {}
    by_type: dict[str, Counter[str]] = {}
    for question, item in zip(space.values("question", "train").values, training, strict=True):
        by_question.setdefault(question, Counter())[mode_of(item["answers"])] += 1
        by_type.setdefault(item["question_type"], Counter())[mode_of(item["answers"])] += 1
    table = space.embeddings.table
    found = Reference([], known, {name: [] for name in NAMES}, [], [], [])
    for row in range(len(table)):
        if questions[row] is None or table.items["depth"][row] < 0:
            continue
        people, people_type = known[row]["answers"], known[row]["question_type"]
        options = top if mode == "open_ended" else list(dict.fromkeys(known[row]["choices"]))
        worth = [soft(people, answer) for answer in options]
        found.kept.append(row)
        found.chance.append(float(np.mean(worth)))
        found.best.append(max(worth))
        texts = [unit([embed(f"{questions[row]} = {answer}")])[0] for answer in options]
        vectors = {
            name: space.embeddings.vectors[name][table.items[name][row]].astype(np.float64)
            for name in ("image", "depth")
        }
        vectors["image + depth"] = vectors["image"] + vectors["depth"]
        for name, vector in vectors.items():
            cosines = [float(vector @ text.astype(np.float64)) for text in texts]
            found.scores[name].append(worth[int(np.argmax(cosines))])
        common = min(
            options,
            key=lambda text: (
                -by_question[questions[row]][text],
                -by_type[people_type][text],
                -counts[text],
                text,
            ),
        )
        found.usual.append(soft(people, common))
    return found


@pytest.mark.parametrize("mode", ["open_ended", "multiple_choice"])
def test_every_figure_against_a_reference(mode: Any) -> None:
    space = pictures(choices=True)
    result = VQA(most_answers=6, modes=(mode,))(space)
    assert [item.query for item in result.measurements] == NAMES
    wanted = reference(space, mode)
    kinds = np.array([wanted.known[row]["answer_type"] for row in wanted.kept])
    for item in result.measurements:
        values = np.array(wanted.scores[item.query])
        assert item.num_queries == len(values)
        assert item.num_left_out == 39 - len(values) > 0
        accuracy = item.estimates["accuracy"]
        assert accuracy.value == pytest.approx(values.mean()), item.name
        assert accuracy.low is not None
        assert accuracy.high is not None
        assert accuracy.low < accuracy.value < accuracy.high
        assert item.details["best_possible"] == pytest.approx(np.mean(wanted.best))
        for kind in WORDS:
            part = values[kinds == kind]
            assert item.estimates[kind].value == pytest.approx(part.mean()), (item.name, kind)
            assert item.details["questions"][kind] == len(part)
        assert accuracy.chance == pytest.approx(np.mean(wanted.chance))
        usual = item.estimates["usual"]
        assert usual.value == pytest.approx(np.mean(wanted.usual))
        assert usual.chance is None
        over = values.mean() - np.mean(wanted.usual)
        assert item.details["over_usual"]["value"] == pytest.approx(over)
        for kind in WORDS:
            part = np.array(wanted.usual)[kinds == kind]
            assert item.details["usual"][kind]["value"] == pytest.approx(part.mean())


def test_choices_are_built_where_the_data_set_has_none() -> None:
    found = VQA((("image",),), modes=("multiple_choice",))(pictures()).measurements[0]
    assert found.gallery == "multiple-choice answers"
    assert found.protocol["candidates"] == "choices built"
    assert found.num_candidates == 9  # there are no more different answers in training
    assert found.details["best_possible"] > 0.9


def test_a_tie_never_helps() -> None:
    space = dataclasses.replace(
        pictures(), encode=lambda column, texts: unit(np.ones((len(texts), 6)))
    )
    found = VQA((("image",),), most_answers=6, modes=("open_ended",))(space)
    assert found.measurements[0].estimates["accuracy"].value == 0.0


def test_records_are_of_questions_and_pictures_are_drawn_whole() -> None:
    found = VQA((("image",),), modes=("open_ended",))(pictures(depth=False)).measurements[0]
    assert found.queries is not None
    assert found.queries.item.tolist() == [number for number in range(100, 140) if number != 105]
    assert found.queries.id[0] == "question/100"
    np.testing.assert_array_equal(found.queries.cluster, found.queries.instance)


def test_questions_are_drawn_and_their_number_is_said() -> None:
    found = VQA((("image",),), modes=("open_ended",), most_questions=10)(pictures())
    (item,) = found.measurements
    assert item.num_queries == 10
    assert item.details["drawn_from"] == 39


def test_the_statement_may_be_replaced() -> None:
    texts: list[str] = []

    def encode(column: str, given: Any) -> Any:
        texts.extend(given)
        return unit([embed(text) for text in given])

    space = dataclasses.replace(pictures(), encode=encode)
    VQA((("image",),), modes=("open_ended",), statement="{answer}, {question}")(space)
    assert len(set(texts)) == len(texts)  # each statement is embedded once
    assert all(text.split(", ")[1][:2] in ("Is", "Ho", "Wh") for text in texts)


def test_what_cannot_be_measured_says_why() -> None:
    space = pictures()
    for changed, message in (
        (dataclasses.replace(space, values=None), "no stored questions"),
        (dataclasses.replace(space, kinds={"image": "image", "depth": "depth"}), "none: name one"),
        (dataclasses.replace(space, kinds=dict.fromkeys("abc", "text")), "none: name one"),
    ):
        with pytest.raises(NotApplicable, match=message):
            VQA()(changed)
    with pytest.raises(NotApplicable, match="'qa' holds the answer"):
        VQA((("image", "qa"),))(space)

    def silent(column: str, split: str | None) -> StoredValues:
        return StoredValues(np.arange(40), [None] * 40)

    with pytest.raises(NotApplicable, match="no question of split 'train' has answers"):
        VQA()(dataclasses.replace(space, values=silent))


def test_the_page_shows_tables_and_examples() -> None:
    space = pictures()
    result = VQA(most_answers=6)(space)
    given = evaluated(results=[result], spaces={"test": space})
    page = render(given, document(given))
    for text in (
        "Open-ended answers",
        "Multiple-choice answers",
        "usual answer",
        "Yes/no",
        "chance",
    ):
        assert text in page
    assert "a &lt;b&gt;" in page
    assert "a <b>" not in page
    assert page.count('class="question"') == 6


def test_options() -> None:
    task = VQAConfig(inputs=("image", ("image", "depth"))).build()
    assert isinstance(task, VQA)
    assert task.inputs == (("image",), ("image", "depth"))
    for statement in ("{question}", "{question} {answer} {x}", "{question"):
        with pytest.raises(ValidationError):
            VQAConfig(statement=statement)
