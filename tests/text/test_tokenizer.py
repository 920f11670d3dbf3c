"""Tokenizers: learned ones are complete and repeatable, named ones are those of transformers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_text.tokenizer import (
    TextTokenizer,
    learn_tokenizer,
    pretrained_tokenizer,
    rebuilt_tokenizer,
)

from tests.text.captions import CAPTIONS, save_bert

LEARN = """
import hashlib, json, random, sys
from polymodal_text.tokenizer import learn_tokenizer
texts = sys.stdin.read().splitlines()
random.Random(int(sys.argv[1])).shuffle(texts)
state = learn_tokenizer(texts, vocabulary=400, lowercase=True)
print(hashlib.sha256(json.dumps(state).encode()).hexdigest())
"""


def learn(
    texts: list[str], *, vocabulary: int = 400, lowercase: bool = True, length: int = 48
) -> TextTokenizer:
    state = learn_tokenizer(iter(texts), vocabulary=vocabulary, lowercase=lowercase)
    return rebuilt_tokenizer(json.loads(json.dumps({"tokenizer": state})), length=length)


def test_any_text_is_encoded_and_comes_back() -> None:
    tokenizer = learn(CAPTIONS)
    for text in (*CAPTIONS, "Ünïcödé ✈ 日本 \U0001f600", "tabs\tand\nlines"):
        ids = tokenizer.ids(text)
        assert all(0 < number < tokenizer.vocabulary for number in ids)
        assert tokenizer.tokenizer.decode(ids).strip() == text.lower()


def test_words_seen_often_become_single_tokens() -> None:
    tokenizer = learn(CAPTIONS)
    assert len(tokenizer.ids("green")) == 1
    assert tokenizer.ids("green chair")[0] == tokenizer.ids("a green")[-1]
    assert len(tokenizer.ids("zyzzyva")) > 1


def test_case_is_kept_on_request() -> None:
    assert learn(CAPTIONS).ids("Green") == learn(CAPTIONS).ids("green")
    kept = learn(CAPTIONS, lowercase=False)
    assert kept.ids("Green") != kept.ids("green")


def test_composed_and_decomposed_letters_are_one() -> None:
    assert learn(CAPTIONS).ids("cafe\u0301") == learn(CAPTIONS).ids("caf\u00e9")


def test_the_vocabulary_is_a_limit_and_few_captions_do() -> None:
    assert learn(CAPTIONS, vocabulary=300).vocabulary == 300
    assert learn(["x"]).vocabulary == 257
    assert learn(["same words"] * 50).ids("same words") != []


def test_ids_are_truncated() -> None:
    assert learn(CAPTIONS, length=3).ids(CAPTIONS[0]) == learn(CAPTIONS).ids(CAPTIONS[0])[:3]


def test_the_order_of_captions_and_the_process_change_nothing() -> None:
    runs = [
        subprocess.run(
            [sys.executable, "-c", LEARN, seed],
            input="\n".join(CAPTIONS * 3),
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert runs[0] == runs[1] == runs[2] != ""


def test_learning_leaves_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    learn(CAPTIONS)
    assert os.environ["TOKENIZERS_PARALLELISM"] == "true"
    monkeypatch.delenv("TOKENIZERS_PARALLELISM")
    learn(CAPTIONS)
    assert "TOKENIZERS_PARALLELISM" not in os.environ


def test_a_fork_after_learning_warns_of_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    tokenizer = learn(CAPTIONS * 200)
    child = os.fork()
    if child == 0:
        os._exit(0 if tokenizer.ids("a green chair") else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert "parallelism" not in capfd.readouterr().err


def test_no_text_is_an_error() -> None:
    with pytest.raises(PolymodalError, match="no text to learn a tokenizer from"):
        learn([])


def test_a_pretrained_tokenizer_is_that_of_transformers(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    path = str(save_bert(tmp_path))
    reference = AutoTokenizer.from_pretrained(path)
    tokenizer = pretrained_tokenizer(path, length=6)
    for text in CAPTIONS:
        expected = reference(text, truncation=True, max_length=6)["input_ids"]
        assert tokenizer.ids(text) == expected
        assert len(expected) == 6
        assert expected[-1] == reference.sep_token_id
    assert tokenizer.padding == reference.pad_token_id
    assert tokenizer.vocabulary == len(reference)
