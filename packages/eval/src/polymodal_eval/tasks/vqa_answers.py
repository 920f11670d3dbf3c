"""Answers to visual questions: what people said, what is usual, and what to choose among."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from polymodal_core.errors import PolymodalError

from polymodal_eval.tasks.vqa_normal_form import normal_form

NUM_CHOICES, PLAUSIBLE, POPULAR = 18, 3, 10
"""Of a multiple choice: all of them, the plausible, and the popular ones (VQA v1, section 3)."""

ANSWER_TYPES = ("yes/no", "number", "other")


@dataclass(frozen=True)
class Answered:
    """A question and what people answered; `choices` None where the data set gives none."""

    question: str
    answers: tuple[str, ...]
    question_type: str
    answer_type: str
    choices: tuple[str, ...] | None = None

    @property
    def most_common(self) -> str:
        """The most frequent answer, the alphabetically first of several."""
        return most_frequent(Counter(self.answers))

    def accuracy(self, answer: str) -> float:
        """Score an answer: min(n / 3, 1), averaged over the ways to leave one person out.

        n of the others gave it (VQA v2's official evaluation, over 10 people, 9 at a time).
        Answers are equal where their `normal_form` is, or, to a question that all people answer
        alike, where their texts are: that is official, too.
        """
        given = self._comparable(answer)
        size, count = len(self.answers), self._compared.count(given)
        without, within = min(count / 3, 1.0), min(max(count - 1, 0) / 3, 1.0)
        return ((size - count) * without + count * within) / size

    def accepts(self, answer: str) -> bool:
        """Say whether anybody gave the answer: others are worth 0."""
        return self._comparable(answer) in self._compared

    def _comparable(self, answer: str) -> str:
        return normal_form(answer) if self._differ else answer

    @cached_property
    def _differ(self) -> bool:
        return len(set(self.answers)) > 1

    @cached_property
    def _compared(self) -> tuple[str, ...]:
        return tuple(self._comparable(answer) for answer in self.answers)


def parse_answered(question: Any, known: Any) -> Answered | None:
    """Read a question and its `answers` as the vqa2 importer stores them; None where it has none.

    Raises PolymodalError for a text that is something else.
    """
    if question is None or known is None:
        return None
    try:
        found = json.loads(known)
        answers = found.get("answers")
        if not answers:
            return None
        choices = found.get("choices")
        return Answered(
            str(question),
            tuple(map(str, answers)),
            str(found["question_type"]),
            str(found["answer_type"]),
            None if choices is None else tuple(map(str, choices)),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise PolymodalError(
            f"{known!r:.80} is no answers as the importer 'vqa2' stores them: wanted JSON with "
            f"answers, question_type and answer_type"
        ) from None


def most_frequent(counts: Counter[str]) -> str:
    """Give the most frequent text, the alphabetically first of several."""
    return min(counts, key=lambda text: (-counts[text], text))


class UsualAnswers:
    """What people answered in training: all that a language prior knows."""

    def __init__(self, training: Iterable[Answered]) -> None:
        """Count the most common answer of each question."""
        self._all: Counter[str] = Counter()
        self._by_question: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._by_type: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for item in training:
            answer = item.most_common
            self._all[answer] += 1
            self._by_question[item.question.casefold()][answer] += 1
            self._by_type[item.question_type][answer] += 1

    def __len__(self) -> int:
        """Number of different answers."""
        return len(self._all)

    def top(self, most: int | None = None) -> list[str]:
        """Give the most frequent answers, the most frequent first."""
        return _ordered(self._all)[:most]

    def usual(self, asked: Answered, options: Iterable[str]) -> str:
        """Choose among answers by the text alone.

        The most frequent one to the same question in training; of those that tie, to questions of
        its type; then of all; then by the alphabet.
        """
        same = self._by_question.get(asked.question.casefold(), Counter())
        alike = self._by_type.get(asked.question_type, Counter())
        return min(options, key=lambda text: (-same[text], -alike[text], -self._all[text], text))

    def choices(self, asked: Answered, rng: np.random.Generator) -> list[str]:
        """Build a multiple choice as VQA v1 has it: `NUM_CHOICES` different answers.

        The most common answer of people, the most frequent ones to questions of its type, the most
        frequent ones of all, and others drawn at random.
        """
        of_type = _ordered(self._by_type.get(asked.question_type, Counter()))
        found = [asked.most_common]
        for known, most in ((of_type, PLAUSIBLE), (self.top(), POPULAR)):
            found += [answer for answer in known if answer not in found][:most]
        others = [answer for answer in self.top() if answer not in found]
        drawn = rng.permutation(len(others))[: NUM_CHOICES - len(found)]
        return found + [others[number] for number in drawn]


def _ordered(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda text: (-counts[text], text))


def people_said(answers: Sequence[str]) -> list[tuple[str, int]]:
    """Give the different answers with their numbers, the most frequent first."""
    counts = Counter(answers)
    return [(text, counts[text]) for text in _ordered(counts)]
