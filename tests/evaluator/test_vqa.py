"""Visual question answering, from the original layout to the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from polymodal_core.errors import PolymodalError
from polymodal_core.plugins import registry
from polymodal_datasets.pack import pack
from polymodal_eval.report.files import PAGE
from polymodal_evaluator.evaluate import Request, evaluate

from tests.evaluator.conftest import RECIPE, make_run

COLOURS = ("red", "green", "blue")
TASK = 'evaluation.tasks=[{kind="vqa", split="validation", most_answers=5}]'


def write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


def make_layout(root: Path) -> Path:
    rng = np.random.default_rng(0)
    for split, first, count in (("train2014", 1, 24), ("val2014", 101, 10)):
        (root / split).mkdir(parents=True)
        questions, annotations = [], []
        for picture in range(first, first + count):
            shade = picture % 3
            pixels = np.full((16, 16, 3), 255 * np.eye(3, dtype=np.uint8)[shade], dtype=np.uint8)
            Image.fromarray(pixels).save(root / split / f"COCO_{split}_{picture:012d}.jpg")
            for number, (asked, kind) in enumerate((("What color?", "other"), ("Red?", "yes/no"))):
                right = COLOURS[shade] if kind == "other" else ("no", "yes")[shade == 0]
                answers = [right] * 8 + rng.choice(["maybe", *COLOURS], 2).tolist()
                key = {"image_id": picture, "question_id": 10 * picture + number}
                questions.append({**key, "question": asked})
                annotations.append(
                    {
                        **key,
                        "question_type": asked[:4],
                        "answer_type": kind,
                        "multiple_choice_answer": right,
                        "answers": [{"answer": answer} for answer in answers],
                    }
                )
        write(root / f"v2_OpenEnded_mscoco_{split}_questions.json", {"questions": questions})
        write(root / f"v2_mscoco_{split}_annotations.json", {"annotations": annotations})
    return root


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_layout(tmp_path_factory.mktemp("vqa") / "raw")
    given = {"root": root, "statement": "Asked {question} they say {answer}"}
    importer = registry().importer("vqa2").model_validate(given).build()
    store = root.parent / "store"
    source = {"importer": "vqa2", "statement": given["statement"]}
    pack(importer, store, registry=registry(), workers=1, source=source)
    modalities = {
        "image": RECIPE["modalities"]["image"],
        "qa": {"kind": "text", **RECIPE["modalities"]["text"]},
    }
    return make_run(root.parent / "run", store, modalities=modalities)


def test_from_the_layout_to_the_report(answered: Path, tmp_path: Path) -> None:
    evaluate(Request(answered, settings=(TASK,), out=tmp_path, quiet=True))
    report = json.loads((tmp_path / "report.json").read_text())
    (task,) = report["tasks"]
    model = task["measurements"][0]
    assert (model["query"], model["gallery"]) == ("image", "open-ended answers")
    assert model["num_queries"] == 20
    assert model["protocol"]["statement"] == "Asked {question} they say {answer}"
    assert set(model["estimates"]) == {"accuracy", "yes/no", "other", "usual"}
    assert 0 <= model["estimates"]["accuracy"]["value"] <= 1
    # A third of the pictures is red: "no" is right for the others.
    assert model["details"]["usual"]["yes/no"]["value"] == pytest.approx(0.7, abs=0.15)
    page = (tmp_path / PAGE).read_text()
    assert "Visual question answering" in page
    assert "Asked {question} they say {answer}" in page


def test_a_store_without_questions_says_so(store: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "rooms", store)
    task = 'evaluation.tasks=[{kind="vqa", inputs=["image"], column="text"}]'
    with pytest.raises(PolymodalError, match="has no column 'question'"):
        evaluate(Request(run, settings=(task,), quiet=True))
