"""The shipped studies."""

from __future__ import annotations

import re
import tomllib

import pytest
from polymodal_core.plugins import registry
from polymodal_trainer.catalogue import description, shipped, shipped_studies
from polymodal_trainer.study.checking import RecipeCheck
from polymodal_trainer.study.source import read_study

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
