"""The shipped studies."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.plugins import registry
from polymodal_eval.config import default_tasks, evaluation_config
from polymodal_eval.evaluation import run_tasks
from polymodal_eval.segmented_rows import SegmentedSplit
from polymodal_eval.space import Space
from polymodal_eval.study.fill import fill
from polymodal_trainer.catalogue import description, shipped, shipped_studies
from polymodal_trainer.study.checking import RecipeCheck
from polymodal_trainer.study.source import read_study

from tests.eval.comparison.saved import saved
from tests.eval.worlds import embedding_table, row_table, space_of

STUDIES = shipped_studies()


@pytest.mark.parametrize("name", STUDIES)
def test_study_is_valid_as_shipped(name: str) -> None:
    check = RecipeCheck(registry())
    study = read_study(STUDIES[name], (), check=check)
    assert len(check.recipes) == len(study.runs) > 1
    assert study.tables
    for layout in study.tables:
        for row in layout.cells:
            for cell in row:
                if cell is not None and cell.quantity is not None:
                    assert study.matching(cell.quantity), (layout.config.title, cell)


@pytest.mark.parametrize("name", STUDIES)
def test_study_says_how_to_pack_train_and_evaluate(name: str) -> None:
    text = STUDIES[name].read_text()
    assert 20 < len(description(STUDIES[name])) < 120
    assert re.search(r"^#   polymodal-pack ", text, re.M)
    assert f"polymodal-train study {name}" in text
    assert f"polymodal-evaluate study runs/{name}" in text
    assert tomllib.loads(text)["recipe"]["base"] in shipped()


def test_every_table_of_the_paper_has_its_numbers() -> None:
    titles = {}
    for name in ("pcmc_pcmr_flickr8k", "pcmc_pcmr_cub"):
        for layout in read_study(STUDIES[name], ()).tables:
            titles[layout.config.title.partition(":")[0]] = layout
    for number in ("1", "2", "3", "4", "5 (left)", "5 (right)", "6", "7"):
        config = titles[f"Table {number}"].config
        assert config.reference or config.others, number
    assert {"Figure 1a", "Figure 1b"} <= titles.keys()
    # Tables 6 and 7 in both directions average to Table 2, as far as it was rounded.
    two, seven = titles["Table 2"].config.reference, titles["Table 7"].config.reference
    pairs = titles["Table 7"].columns
    for row in ("PCMC, frozen", "PCMR, fine-tuned"):
        there = dict(zip(pairs, seven[row], strict=True))
        column = titles["Table 2"].columns.index("I+T r@1")
        mean = ((there["I→T"] or 0) + (there["T→I"] or 0)) / 2
        assert two[row][column] == pytest.approx(mean, abs=0.06)


def world(columns: list[str], seed: int, *, instances: int = 12) -> Space:
    """Instances of four classes, two rows each, with random vectors for these columns."""
    rng = np.random.default_rng(seed)
    targets = [name for name in columns if name == "segmentation"]
    columns = [name for name in columns if name not in targets]
    rows = np.repeat(np.arange(instances), 2)
    label = rows % 4
    places = {
        "image": rows,
        "attributes": rows,
        "text": np.arange(2 * instances),
        "speech": np.arange(2 * instances),
        "depth": rows,
        "prototypes": label,
        "word": label,
    }
    table = row_table(
        {name: places[name] for name in columns},
        instance=rows,
        label=label,
        of_classes=[name for name in columns if name in ("prototypes", "word")],
    )
    vectors = {name: rng.normal(size=(places[name].max() + 1, 8)) for name in columns}
    space = space_of(
        embedding_table(vectors, table),
        encode=lambda column, texts: rng.normal(size=(len(texts), 8)).astype(np.float32),
        resamples=5,
    )
    return replace(
        space,
        classify=lambda columns, vectors: vectors[:, :4],
        segmented=maps(targets, columns, rng) if targets else None,
    )


def maps(targets: list[str], columns: list[str], rng: np.random.Generator) -> SegmentedSplit:
    """Random label maps of the rows of `world`, predicted by chance."""
    count = 24
    actual = np.random.default_rng(0).integers(-1, 3, size=(count, 4, 4))

    def predict(uses: Any, places: Any = None) -> Iterator[Any]:
        yield np.arange(count), {name: rng.integers(0, 3, size=actual.shape) for name in uses}

    return SegmentedSplit(
        target=targets[0],
        visual="image",
        streams=tuple(name for name in columns if name in ("image", "depth")),
        classes=("a", "b", "c"),
        columns=tuple(columns),
        items={name: np.arange(count) for name in columns},
        truths=np.arange(count),
        places=np.arange(count),
        predict=predict,
        actual=lambda places: actual[places],
        colour=lambda found: np.zeros((*found.shape, 3), np.uint8),
    )


@pytest.mark.parametrize("name", STUDIES)
def test_every_cell_is_filled_by_what_its_recipes_evaluate(name: str, tmp_path: Path) -> None:
    study = read_study(STUDIES[name], ())
    config = evaluation_config(registry())
    reports = {}
    for number, (run, recipe) in enumerate(zip(study.runs, study.recipes, strict=True)):
        # A probe asks for ten items of a class, ten shots for eleven.
        tasks = recipe.get("evaluation", {}).get("tasks", [])
        probed = any(task["kind"] in ("probe", "few_shot") for task in tasks)
        space = world(list(recipe["modalities"]), number, instances=44 if probed else 12)
        named = config.model_validate(recipe.get("evaluation", {})).tasks
        results = run_tasks(
            default_tasks(registry()) if named is None else named,
            lambda split, space=space: replace(space, split=split),  # type: ignore[misc]
            split="test",
            explicit=named is not None,
        )
        seen = [replace(space, split=split) for split in {result.split for result in results}]
        reports[run.folder] = saved(tmp_path / run.folder, results, *seen)
    for table in fill(study, reports, {}, resamples=5):
        assert table.reasons == {}, table.layout.config.title
        cells = [cell for row in table.rows for cell in row.cells if cell is not None]
        assert cells
        assert all(cell.estimate is not None for cell in cells)
        assert all(cell.num_runs == cell.planned > 0 for cell in cells)
