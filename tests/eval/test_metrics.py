from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from polymodal_core.errors import PolymodalError
from polymodal_eval import retrieval_metrics


def captions(pictures: int = 40, each: int = 5) -> tuple[Any, Any, Any, Any]:
    vectors = np.random.default_rng(0).normal(size=(pictures, 16))
    groups = np.arange(pictures)
    return vectors, np.repeat(vectors, each, axis=0), groups, np.repeat(groups, each)


def test_perfect_embeddings_with_five_captions_a_picture_score_one_both_ways() -> None:
    # Pairing rows by position, as open_clip's get_clip_metrics does, gives 0.20 here.
    images, texts, image_groups, text_groups = captions()

    forth = retrieval_metrics(images, texts, image_groups, text_groups)
    back = retrieval_metrics(texts, images, text_groups, image_groups)

    for found in (forth, back):
        assert found["r@1"] == found["r_precision"] == found["map"] == found["median_rank"] == 1.0
    assert (forth["queries"], back["queries"]) == (40, 200)


def test_missing_rows_pair_by_id_and_not_by_position() -> None:
    # Each side lacks another row: pairing by position, as mmlearn's task does, gives 0.0 here.
    vectors = np.random.default_rng(0).normal(size=(16, 8))
    ids = np.arange(16)

    found = retrieval_metrics(vectors[1:], vectors[:-1], ids[1:], ids[:-1])

    assert found["r@1"] == 1.0
    assert (found["queries"], found["left_out"]) == (14, 1)


def test_every_value_of_a_case_worked_out_by_hand() -> None:
    # Order by cosine to (1, 0): items 0 (no), 1 (yes), 2 (no), 3 (yes); ranks 2 and 4.
    angles = np.array([0.1, 0.2, 0.3, 0.4])
    gallery = np.stack([np.cos(angles), np.sin(angles)], axis=1)

    found = retrieval_metrics([[1.0, 0.0]], gallery, relevant=[[0, 1], [0, 3]], ks=(1, 2, 3))

    assert found == {
        "r@1": 0.0,
        "r@2": 1.0,
        "r@3": 1.0,
        "r_precision": 0.5,
        "median_rank": 2.0,
        "map": (1 / 2 + 2 / 4) / 2,
        "queries": 1.0,
        "left_out": 0.0,
    }


def test_duplicates_are_right_answers_only_where_ids_say_so() -> None:
    same = np.ones((2, 4))

    assert retrieval_metrics(same, same, [0, 1], [0, 1])["r@1"] == 0.0
    assert retrieval_metrics(same, same, [0, 0], [0, 0])["r@1"] == 1.0


def test_queries_without_right_answers_are_left_out_and_counted() -> None:
    found = retrieval_metrics(np.eye(3), np.eye(3), [0, -1, 5], [0, -1, 2])

    assert (found["r@1"], found["queries"], found["left_out"]) == (1.0, 1.0, 2.0)


def test_without_any_right_answer_the_metrics_are_nan() -> None:
    found = retrieval_metrics(np.eye(2), np.eye(2), [-1, -1], [-1, -1])

    assert np.isnan([found["r@1"], found["map"], found["median_rank"]]).all()
    assert (found["queries"], found["left_out"]) == (0.0, 2.0)


def test_tensors_and_lists_give_the_same_as_arrays() -> None:
    images, texts, image_groups, text_groups = captions(6, 2)
    wanted = retrieval_metrics(images, texts, image_groups, text_groups, ks=(1, 3))

    tensors = [torch.from_numpy(item) for item in (images, texts, image_groups, text_groups)]
    assert retrieval_metrics(*tensors, ks=(1, 3)) == wanted
    lists = [item.tolist() for item in (images, texts, image_groups, text_groups)]
    assert retrieval_metrics(*lists, ks=(1, 3)) == wanted
    pairs = torch.tensor([[q, g] for q in range(6) for g in range(12) if g // 2 == q])
    assert retrieval_metrics(images, texts, relevant=pairs, ks=(1, 3)) == wanted
    assert all(type(value) is float for value in wanted.values())


@pytest.mark.parametrize(
    "arguments",
    [{}, {"query_groups": [0, 1]}, {"query_groups": [0, 1], "relevant": [[0, 0]]}],
)
def test_relevance_must_be_said_in_one_way(arguments: dict[str, Any]) -> None:
    with pytest.raises(PolymodalError, match="say which gallery items are right answers"):
        retrieval_metrics(np.eye(2), np.eye(2), **arguments)


@pytest.mark.parametrize("ks", [(), (0,), (1.5,)])
def test_ks_must_be_whole_numbers_from_one(ks: Any) -> None:
    with pytest.raises(PolymodalError, match="whole numbers from 1"):
        retrieval_metrics(np.eye(2), np.eye(2), [0, 1], [0, 1], ks=ks)


def test_importing_the_metrics_needs_no_plots_and_no_learning_library() -> None:
    code = (
        "import sys, polymodal_eval.metrics;"
        "print(sorted({'matplotlib', 'sklearn', 'jinja2', 'pyarrow', 'PIL'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert found.stdout.strip() == "[]"
