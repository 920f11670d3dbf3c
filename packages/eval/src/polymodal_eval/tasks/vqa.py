"""Visual question answering, by ranking question and candidate answer as one text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

import numpy as np

from polymodal_eval.entries import Entries, column_sets, entries_of
from polymodal_eval.ranking import TIE, unit_vectors
from polymodal_eval.results import (
    Measurement,
    NotApplicable,
    QueryRecords,
    Skipped,
    TaskResult,
    collect,
)
from polymodal_eval.tasks.ranked import mean_estimates
from polymodal_eval.tasks.vqa_answers import Answered, UsualAnswers, parse_answered
from polymodal_eval.tasks.vqa_questions import Questions

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
USUAL = "usual"
"""Names the accuracy that the text alone gives: the answer that was usual in training."""

STATEMENTS = 4096
"""Statements that are embedded at once."""


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
        """Measure each combination of inputs in each mode, beside what the text alone says.

        `accuracy` is the official soft accuracy, apart for each type of answer too; `usual` is that
        of the answer that the question most often had in training, among the same options; what the
        inputs add to it, paired, is in `details`. Raises
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
        given = Questions(
            rows[kept],
            np.array([asked[number][1] for number in kept], dtype=np.int64),
            [asked[number][2] for number in kept],
            available=len(asked),
            left_out=int((~held.all(axis=0)).sum()),
        )
        candidates = self._candidates(space, given, usual)
        answers = self._answer(space, column, given, candidates, entries)
        for mode, options in candidates.items():
            pairs = zip(given.asked, options, strict=True)
            prior = [usual.usual(item, choices) for item, choices in pairs]
            found += self._measured(
                space, given, options, mode, list(zip(entries, answers[mode], strict=True)), prior
            )
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
        self, space: Space, given: Questions, usual: UsualAnswers
    ) -> dict[Mode, list[list[str]]]:
        found: dict[Mode, list[list[str]]] = {}
        if "open_ended" in self.modes:
            top = usual.top(self.most_answers)
            found["open_ended"] = [top] * len(given.asked)
        if "multiple_choice" in self.modes:
            found["multiple_choice"] = [
                usual.choices(item, np.random.default_rng([space.seed, number]))
                if item.choices is None
                else list(dict.fromkeys(item.choices))
                for item, number in zip(given.asked, given.items.tolist(), strict=True)
            ]
        return found

    def _answer(
        self,
        space: Space,
        column: str,
        given: Questions,
        candidates: Mapping[Mode, list[list[str]]],
        entries: Sequence[Entries],
    ) -> dict[Mode, list[list[str]]]:
        # By mode and combination of inputs, the answer to each question.
        found: dict[Mode, list[list[str]]] = {
            mode: [[""] * len(given.asked) for _ in entries] for mode in candidates
        }
        asking = [
            unit_vectors("inputs", part.vectors[part.of_row[given.rows]]).double().numpy()
            for part in entries
        ]
        for numbers, texts, vectors in self._statements(space, column, given, candidates):
            for number in numbers:
                item = given.asked[number]
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
        given: Questions,
        candidates: Mapping[Mode, list[list[str]]],
    ) -> Iterator[tuple[list[int], dict[tuple[str, str], int], Floats]]:
        # Questions of equal text share their statements, each of which is embedded once.
        template = self.template(space)
        groups: dict[str, list[int]] = {}
        for number, item in enumerate(given.asked):
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
        given: Questions,
        options: list[list[str]],
        mode: Mode,
        answers: list[tuple[Entries, list[str]]],
        prior: list[str],
    ) -> Iterator[Measurement]:
        best, by_chance = given.worth(options)
        clusters = given.clusters(space)
        base = given.scores(prior)
        usual = given.estimates(space, base, None)
        choices = "given" if all(item.choices for item in given.asked) else "built"
        for part, chosen in answers:
            score = given.scores(chosen)
            over = mean_estimates(space, {"over": score - base}, clusters, {})["over"]
            yield Measurement(
                part.name,
                GALLERIES[mode],
                "accuracy",
                {**given.estimates(space, score, by_chance), USUAL: usual["accuracy"]},
                num_queries=len(score),
                num_left_out=given.left_out,
                num_candidates=round(float(np.mean(list(map(len, options))))),
                protocol={
                    "scores": "cosine",
                    "tie": TIE,
                    "statement": self.template(space),
                    "candidates": f"the most frequent answers of split '{self.training}'"
                    if mode == "open_ended"
                    else f"choices {choices}",
                },
                details={
                    "mode": mode,
                    "questions": {kind: int(mask.sum()) for kind, mask in given.types().items()},
                    "drawn_from": given.available - given.left_out,
                    "best_possible": float(best.mean()),
                    "usual": {name: asdict(estimate) for name, estimate in usual.items()},
                    "over_usual": {"value": over.value, "low": over.low, "high": over.high},
                    "examples": given.examples(space, chosen, prior),
                    **({"fused": True} if part.fused else {}),
                },
                queries=QueryRecords(
                    item=given.items,
                    id=tuple(space.identify(self.question, int(number)) for number in given.items),
                    instance=space.embeddings.table.instance[given.rows],
                    cluster=clusters,
                    score=score,
                ),
                query_columns=part.columns,
            )


def _chosen(item: Answered, options: Sequence[str], scores: Floats) -> str:
    # A tie never helps: of the answers that tie for the first place, the one worth the least.
    first = np.flatnonzero(scores >= scores.max() - TIE)
    return min((options[number] for number in first.tolist()), key=item.accuracy)
