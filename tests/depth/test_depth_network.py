from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_depth.config import DepthConfig
from polymodal_depth.depth_network import DepthNetwork
from polymodal_depth.estimator_config import DepthEstimatorConfig

from tests.depth.networks import save_dpt

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_dpt(tmp_path_factory.mktemp("dpt") / "small")


def test_a_map_has_the_shape_of_its_picture(folder: Path) -> None:
    network = DepthNetwork(str(folder))
    pixels = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    found = network(pixels)
    assert str(found.dtype) == "float32"
    assert found.shape == (24, 40)
    assert np.ptp(found) > 0
    np.testing.assert_array_equal(found, network(pixels))
    assert np.abs(network(pixels[:, ::-1]) - found).max() > 0


def test_the_models_files_say_whether_it_predicts_metres(folder: Path, tmp_path: Path) -> None:
    assert not DepthNetwork(str(folder)).metric
    assert DepthNetwork(str(save_dpt(tmp_path / "metric", kind="metric"))).metric


def test_options_reach_the_estimator(folder: Path) -> None:
    assert DepthConfig.estimator is DepthEstimatorConfig
    config = DepthEstimatorConfig(model=str(folder), metric=True)
    pixels = np.full((16, 16, 3), 100, np.uint8)
    assert config.build().calibrate([]) == {"pairs": 0, "metric": True}
    assert config.build().estimate(pixels).confidence.shape == (16, 16)
    with pytest.raises(PolymodalError, match="predicts nearness without a scale"):
        DepthEstimatorConfig(model=str(folder)).build().calibrate([])


def test_models_that_cannot_be_loaded(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match=r"no such folder; wanted one with config\.json"):
        DepthNetwork(str(tmp_path / "nowhere"))
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(PolymodalError, match="cannot be loaded for depth estimation"):
        DepthNetwork(str(other))
    with pytest.raises(PolymodalError, match="device 'cuda:9' cannot be used"):
        DepthNetwork(str(folder), device="cuda:9")


def test_what_to_install_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(PolymodalError, match=r"pip install 'polymodal-depth\[estimate\]'"):
        DepthNetwork(str(folder))
