"""Visual question answering, by ranking question and candidate answer as one text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from polymodal_eval.entries import Entries, column_sets, entries_of
from polymodal_eval.ranking import TIE, unit_vectors
from polymodal_eval.relevance import item_keys
from polymodal_eval.results import (
    Measurement,
    NotApplicable,
    QueryRecords,
    Skipped,
    TaskResult,
    collect,
)
from polymodal_eval.statistics import Estimate, clusters_of
from polymodal_eval.tasks.ranked import mean_estimates
from polymodal_eval.tasks.vqa_answers import (
    ANSWER_TYPES,
    Answered,
    UsualAnswers,
    parse_answered,
    people_said,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polymodal_eval.space import Space

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

Mode = Literal["open_ended", "multiple_choice"]

GALLERIES: Mapping[Mode, str] = {
    "open_ended": "open-ended answers",
    "multiple_choice": "multiple-choice answers",
}
USUAL = "usual answer"
"""The query side of what the text alone says."""

STATEMENTS = 4096
"""Statements that are embedded at once."""

EXAMPLES = 6


class VQA:
    """Answer questions about pictures by the statement nearest to the picture's embedding."""

    def __init__(  # noqa: PLR0913
        self,
        inputs: tuple[tuple[str, ...], ...] | Literal["all"] = "all",
        *,
        column: str | None = None,
        question: str = "question",
        answers: str = "answers",
        statement: str | None = None,
        training: str = "train",
        modes: tuple[Mode, ...] = ("open_ended", "multiple_choice"),
        most_answers: int = 1000,
        most_questions: int | None = 2000,
    ) -> None:
        """Choose what is asked, the text column that embeds statements, and the store's columns."""
        self.inputs = inputs
        self.column = column
        self.question, self.answers = question, answers
        self.statement = statement
        self.training = training
        self.modes = modes
        self.most_answers, self.most_questions = most_answers, most_questions

    def __call__(self, space: Space) -> TaskResult:
        """Measure each combination of inputs in each mode, and what the text alone says.

        `accuracy` is the official soft accuracy, apart for each type of answer too. Raises
        NotApplicable where the store has no questions with answers, or no column embeds text.
        """
        column = self._text_column(space)
        usual = UsualAnswers(item for _, _, item in self._asked(space, self.training))
        if not len(usual):
            raise NotApplicable(f"no question of split '{self.training}' has answers to choose")
        asked = list(self._asked(space, None))
        if not asked:
            raise NotApplicable(f"no question of split '{space.split}' has answers")
        found: list[Measurement | Skipped] = []
        rows = np.array([row for row, _, _ in asked], dtype=np.int64)
        entries = []
        for columns in self._inputs(space, column):
            part = entries_of(space.embeddings, columns)
            if (part.of_row[rows] >= 0).any():
                entries.append(part)
            else:
                found.append(Skipped(part.name, f"no question's row has {part.name}"))
        held = np.array([part.of_row[rows] >= 0 for part in entries]).reshape(-1, len(rows))
        kept = self._drawn(space, np.flatnonzero(held.all(axis=0)))
        if not len(kept):
            return collect("vqa", space.split, found)
        given = _Asked(
            rows[kept],
            np.array([asked[number][1] for number in kept], dtype=np.int64),
            [asked[number][2] for number in kept],
            available=len(asked),
            left_out=int((~held.all(axis=0)).sum()),
        )
        candidates = self._candidates(space, given, usual)
        answers = self._answer(space, column, given, candidates, entries)
        for mode in self.modes:
            prior = [usual.usual(item) for item in given.questions]
            base = self._measured(space, given, candidates[mode], mode, prior, None)
            for part, chosen in zip(entries, answers[mode], strict=True):
                found.append(
                    self._measured(
                        space, given, candidates[mode], mode, chosen, part, base=base, prior=prior
                    )
                )
            found.append(base)
        return collect("vqa", space.split, found)

    def _text_column(self, space: Space) -> str:
        if self.column is not None:
            return space.column(self.column)
        texts = [name for name in space.embeddings.columns if space.kinds.get(name) == "text"]
        statements = [name for name in texts if name != self.question]
        if len(statements) != 1:
            raise NotApplicable(
                f"one text column of the model embeds question and answer; it has "
                f"{', '.join(statements) or 'none'}: name one with `column`"
            )
        return statements[0]

    def _inputs(self, space: Space, column: str) -> list[tuple[str, ...]]:
        if isinstance(self.inputs, tuple):
            named = [tuple(space.column(name) for name in part) for part in self.inputs]
            if any(column in part for part in named):
                raise NotApplicable(f"'{column}' holds the answer; it cannot be an input too")
            return named
        table = space.embeddings.table
        shown = [
            name
            for name in space.embeddings.columns
            if space.kinds.get(name) != "text" and name not in table.of_classes
        ]
        if not shown:
            raise NotApplicable("the model has no column but text to answer questions about")
        return column_sets(shown)

    def _asked(self, space: Space, split: str | None) -> Iterator[tuple[int, int, Answered]]:
        # Row, the question's number in the store, and what is known of it.
        if space.values is None:
            raise NotApplicable("there are no stored questions, only embeddings")
        questions = space.values(self.question, split)
        known = space.values(self.answers, split)
        numbers = questions.items.tolist()
        for row, (question, text) in enumerate(zip(questions.values, known.values, strict=True)):
            found = parse_answered(question, text)
            if found is not None:
                yield row, numbers[row], found

    def _drawn(self, space: Space, kept: Integers) -> Integers:
        if self.most_questions is None or len(kept) <= self.most_questions:
            return kept
        rng = np.random.default_rng(space.seed)
        return np.sort(rng.choice(kept, self.most_questions, replace=False))

    def _candidates(
        self, space: Space, given: _Asked, usual: UsualAnswers
    ) -> dict[Mode, list[list[str]]]:
        found: dict[Mode, list[list[str]]] = {}
        if "open_ended" in self.modes:
            top = usual.top(self.most_answers)
            found["open_ended"] = [top] * len(given.questions)
        if "multiple_choice" in self.modes:
            found["multiple_choice"] = [
                usual.choices(item, np.random.default_rng([space.seed, number]))
                if item.choices is None
                else list(dict.fromkeys(item.choices))
                for item, number in zip(given.questions, given.items.tolist(), strict=True)
            ]
        return found

    def _answer(
        self,
        space: Space,
        column: str,
        given: _Asked,
        candidates: Mapping[Mode, list[list[str]]],
        entries: Sequence[Entries],
    ) -> dict[Mode, list[list[str]]]:
        # By mode and combination of inputs, the answer to each question.
        found: dict[Mode, list[list[str]]] = {
            mode: [[""] * len(given.questions) for _ in entries] for mode in candidates
        }
        asking = [
            unit_vectors("inputs", part.vectors[part.of_row[given.rows]]).double().numpy()
            for part in entries
        ]
        for numbers, texts, vectors in self._statements(space, column, given, candidates):
            for number in numbers:
                item = given.questions[number]
                for mode, options in candidates.items():
                    places = [texts[item.question, answer] for answer in options[number]]
                    for place, queries in enumerate(asking):
                        scores = vectors[places] @ queries[number]
                        found[mode][place][number] = _chosen(item, options[number], scores)
        return found

    def _statements(
        self,
        space: Space,
        column: str,
        given: _Asked,
        candidates: Mapping[Mode, list[list[str]]],
    ) -> Iterator[tuple[list[int], dict[tuple[str, str], int], Floats]]:
        # Questions of equal text share their statements, each of which is embedded once.
        template = self.template(space)
        groups: dict[str, list[int]] = {}
        for number, item in enumerate(given.questions):
            groups.setdefault(item.question, []).append(number)
        numbers: list[int] = []
        places: dict[tuple[str, str], int] = {}

        def embedded() -> tuple[list[int], dict[tuple[str, str], int], Floats]:
            texts = [template.format(question=asked, answer=answer) for asked, answer in places]
            vectors = unit_vectors("statements", space.encode(column, texts)).double().numpy()
            return numbers, places, vectors

        for question, members in groups.items():
            for options in candidates.values():
                for answer in dict.fromkeys(text for number in members for text in options[number]):
                    places.setdefault((question, answer), len(places))
            numbers += members
            if len(places) >= STATEMENTS:
                yield embedded()
                numbers, places = [], {}
        if numbers:
            yield embedded()

    def template(self, space: Space) -> str:
        """Give the statement's template: the task's own, else the one that the store records."""
        return self.statement or str(space.source.get("statement") or "{question} {answer}")

    def _measured(
        self,
        space: Space,
        given: _Asked,
        candidates: list[list[str]],
        mode: Mode,
        chosen: list[str],
        entries: Entries | None,
        *,
        base: Measurement | None = None,
        prior: list[str] | None = None,
    ) -> Measurement:
        pairs = list(zip(given.questions, chosen, strict=True))
        score = np.array([item.accuracy(answer) for item, answer in pairs])
        clusters = given.clusters(space)
        columns = () if entries is None else entries.columns
        details: dict[str, Any] = {
            "mode": mode,
            "questions": {kind: int(mask.sum()) for kind, mask in given.types().items()},
            "drawn_from": given.available,
            "best_possible": float(given.scores(candidates).best.mean()),
        }
        if base is not None and prior is not None:
            assert base.queries is not None
            estimate = mean_estimates(space, {"gain": score - base.queries.score}, clusters, {})[
                "gain"
            ]
            details["over_usual"] = _plain(estimate)
            details["examples"] = _examples(space, given, pairs, prior)
        if entries is not None and entries.fused:
            details["fused"] = True
        choices = "given" if all(item.choices for item in given.questions) else "built"
        return Measurement(
            USUAL if entries is None else entries.name,
            GALLERIES[mode],
            "accuracy",
            _estimates(space, given, candidates, score, clusters, chance=entries is not None),
            num_queries=len(score),
            num_left_out=given.left_out,
            num_candidates=round(float(np.mean([len(options) for options in candidates]))),
            protocol={
                "scores": "cosine" if entries is not None else "frequency in training",
                "tie": TIE,
                "statement": self.template(space),
                "candidates": f"the most frequent answers of split '{self.training}'"
                if mode == "open_ended"
                else f"choices {choices}",
            },
            details=details,
            queries=QueryRecords(
                item=given.items,
                id=tuple(space.identify(self.question, int(number)) for number in given.items),
                instance=space.embeddings.table.instance[given.rows],
                cluster=clusters,
                score=score,
            ),
            query_columns=columns,
            gallery_columns=(),
        )


@dataclass(frozen=True)
class _Scores:
    """What the candidates of each question are worth: the best, and a random one [questions]."""

    best: Floats
    random: Floats


@dataclass(frozen=True)
class _Asked:
    """The questions that are measured: rows and store numbers [questions].

    `available` have answers; of these, `left_out` lack an input.
    """

    rows: Integers
    items: Integers
    questions: list[Answered]
    available: int
    left_out: int = 0
    _known: dict[int, _Scores] = field(default_factory=dict)

    def types(self) -> dict[str, NDArray[np.bool_]]:
        """Give the questions of each type of answer that occurs."""
        kinds = np.array([item.answer_type for item in self.questions])
        names = [*ANSWER_TYPES, *sorted(set(kinds.tolist()) - set(ANSWER_TYPES))]
        return {name: kinds == name for name in names if (kinds == name).any()}

    def clusters(self, space: Space) -> Integers:
        """Number what bootstraps draw whole: the questions about one picture."""
        numbers = np.arange(len(self.rows), dtype=np.int64)
        return clusters_of(item_keys(numbers, space.embeddings.table.instance[self.rows]))

    def scores(self, candidates: list[list[str]]) -> _Scores:
        """Score the candidates of each question."""
        if id(candidates) not in self._known:
            parts = [
                # All that nobody said are worth 0.
                [item.accuracy(text) for text in set(options) & set(item.answers)]
                for item, options in zip(self.questions, candidates, strict=True)
            ]
            sizes = [max(1, len(options)) for options in candidates]
            self._known[id(candidates)] = _Scores(
                np.array([max(part, default=0.0) for part in parts]),
                np.array([sum(part) / size for part, size in zip(parts, sizes, strict=True)]),
            )
        return self._known[id(candidates)]


def _chosen(item: Answered, options: Sequence[str], scores: Floats) -> str:
    # A tie never helps: of the answers that tie for the first place, the one worth the least.
    first = np.flatnonzero(scores >= scores.max() - TIE)
    return min((options[number] for number in first.tolist()), key=item.accuracy)


def _estimates(
    space: Space,
    given: _Asked,
    candidates: list[list[str]],
    score: Floats,
    clusters: Integers,
    *,
    chance: bool,
) -> dict[str, Estimate]:
    by_chance = given.scores(candidates).random
    found: dict[str, Estimate] = {}
    for name, mask in {"accuracy": np.ones(len(score), dtype=bool), **given.types()}.items():
        part = np.unique(clusters[mask], return_inverse=True)[1].astype(np.int64)
        chances = {name: float(by_chance[mask].mean()) if chance else None}
        found |= mean_estimates(space, {name: score[mask]}, part, chances)
    return found


def _examples(
    space: Space, given: _Asked, pairs: list[tuple[Answered, str]], prior: list[str]
) -> list[dict[str, Any]]:
    rng = np.random.default_rng(space.seed)
    drawn = np.sort(rng.choice(len(pairs), min(EXAMPLES, len(pairs)), replace=False))
    return [
        {
            "row": int(given.rows[number]),
            "question": pairs[number][0].question,
            "answer": pairs[number][1],
            "accuracy": pairs[number][0].accuracy(pairs[number][1]),
            "usual": prior[number],
            "usual_accuracy": pairs[number][0].accuracy(prior[number]),
            "people": [list(item) for item in people_said(pairs[number][0].answers)],
        }
        for number in drawn.tolist()
    ]


def _plain(estimate: Estimate) -> dict[str, float | None]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
