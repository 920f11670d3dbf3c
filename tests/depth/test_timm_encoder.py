from __future__ import annotations

from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch
from polymodal_core.errors import PolymodalError
from polymodal_depth.config import DepthConfig
from polymodal_depth.encoder_config import TimmConfig
from polymodal_depth.timm_encoder import TimmEncoder


def build(model: str = "test_resnet", **options: Any) -> TimmEncoder:
    torch.manual_seed(0)
    built = TimmConfig(model=model, **options).build(**DepthConfig().build().spec())
    assert isinstance(built, TimmEncoder)
    return built


def maps(count: int, size: int = 64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    depth = 0.1 + 0.9 * torch.rand(count, size, size, generator=generator)
    return torch.stack((depth, torch.ones(count, size, size)), dim=1)


def test_resnet_with_one_channel_gives_features_and_tokens() -> None:
    encoder = build("resnet18")
    assert next(encoder.network.parameters()).shape == (64, 1, 7, 7)
    found = encoder.eval()(maps(2))
    assert found.pooled.shape == (2, 512)
    assert found.tokens.shape == (2, 4, 512)
    assert found.grid == (2, 2)
    assert found.mask.all()


def test_without_holes_pooled_is_the_networks_own_mean() -> None:
    encoder = build().eval()
    torch.testing.assert_close(encoder(maps(2)).pooled, encoder.network(maps(2)[:, :1]))


def test_pooling_weighs_cells_by_their_readings() -> None:
    encoder = build().eval()
    inputs = maps(1)
    inputs[0, 1, :32, :32] = 0
    inputs[0, 1, :32, 32:48] = 0
    found = encoder(inputs)
    weights = torch.tensor([0.0, 0.5, 1.0, 1.0])
    expected = (found.tokens[0] * weights[:, None]).sum(0) / 2.5
    torch.testing.assert_close(found.pooled[0], expected)
    assert found.mask[0].tolist() == [False, True, True, True]


def test_what_lies_under_a_hole_is_not_seen() -> None:
    encoder = build().eval()
    one, other = maps(1), maps(1)
    one[:, 1, :20] = other[:, 1, :20] = 0
    other[:, 0, :20] = 0.77
    torch.testing.assert_close(encoder(one).pooled, encoder(other).pooled)


def test_a_map_without_readings_stays_finite() -> None:
    found = build()(torch.zeros(2, 2, 64, 64))
    assert found.pooled.isfinite().all()
    assert found.mask.all()


def test_gradient_reaches_the_first_convolution() -> None:
    encoder = build()
    encoder(maps(2)).pooled.square().sum().backward()
    first = next(encoder.network.parameters())
    assert first.grad is not None
    assert first.grad.abs().sum() > 0


@pytest.mark.parametrize("model", ["test_vit", "test_mambaout"])
def test_networks_without_a_convolutional_map_are_refused(model: str) -> None:
    with pytest.raises(PolymodalError, match=r"has no convolutional map .*such as resnet18"):
        build(model)


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(PolymodalError, match=r"no model 'resnet_18'; did you mean .*resnet18"):
        build("resnet_18")


def test_an_option_the_network_does_not_take_is_refused() -> None:
    with pytest.raises(PolymodalError, match=r"cannot be created with the options.*wings"):
        build(options={"wings": 2})


def test_the_hub_out_of_reach_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(PolymodalError, match=r"without network access, give the path of a local"):
        build(weights="hub")
