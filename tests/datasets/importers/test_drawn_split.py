from __future__ import annotations

from pathlib import Path

import pytest
from polymodal_datasets.importers.nyuv2 import NYUv2Config
from polymodal_datasets.importers.sunrgbd import SUNRGBDConfig
from pydantic import ValidationError


@pytest.mark.parametrize("config", [NYUv2Config, SUNRGBDConfig])
def test_a_dumped_configuration_can_be_read_again(
    config: type[NYUv2Config] | type[SUNRGBDConfig], tmp_path: Path
) -> None:
    for options in ({}, {"split": "drawn", "seed": 3, "test": 0.5}):
        given = config.model_validate({"root": tmp_path, **options})
        assert config.model_validate(given.model_dump(mode="json")) == given


def test_shares_belong_to_a_draw(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="validation, seed belongs to split = 'drawn'"):
        NYUv2Config(root=tmp_path, validation=0.5, seed=1)
    with pytest.raises(ValidationError, match=r"validation 0\.5 and test 0\.5 leave nothing"):
        NYUv2Config(root=tmp_path, split="drawn", test=0.5, validation=0.5)
