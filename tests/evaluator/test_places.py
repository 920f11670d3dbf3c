from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from polymodal_core.errors import PolymodalError, StoreError
from polymodal_core.plugins import registry
from polymodal_datasets.importers.image_folder import ImageFolderConfig
from polymodal_datasets.pack import pack
from polymodal_eval.tasks.classification_config import PromptsConfig
from polymodal_eval.tasks.config import RetrievalConfig
from polymodal_evaluator.evaluate import Request, evaluate
from polymodal_evaluator.opening import Opened, open_for_evaluation
from polymodal_evaluator.places import Places, matched_columns

from tests.evaluator.conftest import make_store

from .test_spaces import silent

CLASSES = ("red_thing", "green_thing", "blue_thing")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another store: pictures of three classes in folders, with columns `image` and `word`."""
    root = tmp_path_factory.mktemp("other")
    rng = np.random.default_rng(0)
    for label in CLASSES:
        for number in range(4):
            path = root / "raw" / "test" / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(path)
    pack(ImageFolderConfig(root=root / "raw").build(), root / "folders", registry=registry())
    return root / "folders"


@pytest.fixture(scope="module")
def opened(pristine: Path) -> Opened:
    return open_for_evaluation(pristine, settings=(), checkpoint=None, registry=registry())


def test_columns_are_matched_by_name_and_kind_else_by_kind() -> None:
    model = {"image": "image", "text": "text", "depth": "depth"}

    assert matched_columns(model, {"image": "image", "word": "text"}) == {
        "image": "image",
        "text": "word",
    }
    # Which of two texts is meant nobody can say; a name of another kind is another column.
    assert matched_columns(model, {"a": "text", "b": "text", "image": "depth"}) == {
        "depth": "image"
    }
    assert matched_columns(model, {"text": "text", "word": "text"}) == {"text": "text"}
    two = {"title": "text", "caption": "text"}
    assert matched_columns(two, {"title": "text", "word": "text"}) == {
        "title": "title",
        "caption": "word",
    }
    assert matched_columns(two, {"word": "text"}) == {}


def test_a_split_of_another_store_in_the_space(opened: Opened, folders: Path) -> None:
    tasks = [RetrievalConfig(), PromptsConfig(store=folders), PromptsConfig(store=folders)]
    places = Places(opened, tasks, device="cpu", bar=silent)

    own, other = places("test"), places("test of folders")

    assert (own.split, other.split) == ("test", "test of folders")
    assert own.embeddings.columns == ["image", "text", "prototypes"]
    assert other.embeddings.columns == ["image", "text"]
    assert other.embeddings.table.class_names == tuple(sorted(CLASSES))
    assert other.embeddings.table.of_classes == {"text"}
    assert other.identify("text", 0) == "blue_thing"
    np.testing.assert_allclose(
        other.encode("text", ["blue thing"])[0], other.embeddings.vectors["text"][0], atol=1e-5
    )
    assert places.notes == ["folders: its column 'word' is embedded as the model's 'text'"]
    assert places.stores["folders"]["columns"] == {"image": "image", "text": "word"}


def test_a_report_on_two_stores(
    run_folder: Path, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = (
        '[{kind="retrieval"}, '
        f'{{kind="prompts", store="{folders}", templates="small_pictures"}}, '
        f'{{kind="zero_shot", store="{folders}"}}, '
        f'{{kind="few_shot", store="{folders}", shots=[1], draws=3}}]'
    )

    page = evaluate(Request(run_folder, settings=(f"evaluation.tasks={tasks}",)))

    found = json.loads((run_folder / "report.json").read_text(encoding="utf-8"))
    assert [item["split"] for item in found["tasks"]] == ["test", *["test of folders"] * 3]
    assert set(found["splits"]) == {"test", "test of folders"}
    prompts, zero_shot, few_shot = (item["measurements"] for item in found["tasks"][1:])
    assert [(item["query"], item["num_queries"]) for item in prompts] == [("image", 12)]
    assert len(prompts[0]["details"]["templates"]["single"]) == 9
    assert zero_shot[0]["gallery"] == "text"
    assert len(few_shot) == 3
    others = found["store"]["others"]
    assert others["folders"]["path"] == str(folders.resolve())
    text = page.read_text(encoding="utf-8")
    assert "By template" in text
    assert others["folders"]["fingerprint"] in text
    printed = capsys.readouterr().out
    assert "9 templates together" in printed
    assert "split test of folders" in printed


def test_what_is_wrong_is_said_before_anything_is_embedded(
    run_folder: Path, folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(task: str, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            evaluate(Request(run_folder, settings=(f"evaluation.tasks=[{task}]",)))

    refused('{kind="prompts", store="none"}', StoreError, "evaluation.tasks: none: no store here")
    refused(
        f'{{kind="prompts", store="{folders}", split="tset"}}', StoreError, "has no split 'tset'"
    )
    refused('{kind="prompts", templates="fotos"}', PolymodalError, "no list of templates is called")
    depths = make_store(tmp_path / "depths", columns=["depth"])
    refused(f'{{kind="probe", store="{depths}"}}', StoreError, "none of its columns, depth")
    same = make_store(tmp_path / "deep" / "folders")
    twice = f'{{kind="probe", store="{folders}"}}, {{kind="probe", store="{same}"}}'
    refused(twice, PolymodalError, "two stores of evaluation.tasks are called 'folders'")
    refused('{kind="prompts", names="none.txt"}', PolymodalError, "none.txt cannot be read")
    assert "embedding" not in capsys.readouterr().out
