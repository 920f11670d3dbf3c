from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import timm
import torch
from polymodal_core.config import LoRAConfig
from polymodal_core.errors import PolymodalError
from polymodal_core.lora import add_adapters, target_layers
from polymodal_image.config import ImageConfig
from polymodal_image.encoder_config import TimmConfig
from polymodal_image.timm_encoder import TimmEncoder
from safetensors.torch import save_file


def build(model: str, *, size: int = 64, **options: Any) -> TimmEncoder:
    torch.manual_seed(0)
    spec = ImageConfig(size=size).build().spec()
    return TimmConfig(model=model, **options).build(**spec)


def pictures(count: int, size: int = 64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize(
    ("model", "width", "length"),
    [("test_resnet", 96, 4), ("test_efficientnet", 256, 4), ("test_mambaout", 64, 4)],
)
def test_convolutional_networks_give_a_map_as_tokens(model: str, width: int, length: int) -> None:
    found = build(model).eval()(pictures(2))
    assert found.pooled.shape[0] == 2
    if found.tokens is None:
        assert found.pooled.shape[1] != width
    else:
        assert found.tokens.shape == (2, length, width)
        assert found.grid == (2, 2)
        assert found.mask.all()


def test_tokens_of_maps_are_cells_and_their_mean_is_pooled() -> None:
    found = build("test_resnet").eval()(pictures(2))
    torch.testing.assert_close(found.tokens.mean(1), found.pooled)


def test_channels_last_maps_keep_channels_together() -> None:
    encoder = build("test_mambaout").eval()
    network: Any = encoder.network
    maps = network.forward_features(encoder.normalise(pictures(2)))
    tokens = encoder._tokens(maps)
    torch.testing.assert_close(tokens[1, 1], maps[1, 0, 1])


def test_transformers_give_their_sequence_at_the_size_asked_for() -> None:
    found = build("test_vit", size=48).eval()(pictures(2, 48))
    assert found.tokens.shape == (2, 10, 64)
    assert found.grid == (3, 3)  # behind the class token
    assert found.pooled.shape == (2, 64)


def test_a_head_of_another_width_leaves_no_tokens() -> None:
    encoder = build("mobilenetv3_small_050", size=32).eval()
    found = encoder(pictures(2, 32))
    assert found.pooled.shape == (2, encoder.feature_dim)
    assert encoder.feature_dim != encoder.network.num_features
    assert found.tokens is None
    assert found.grid is None


def test_pooled_is_what_the_network_itself_gives() -> None:
    encoder = build("test_efficientnet").eval()
    values = (pictures(2).float() / 255 - 0.5) / 0.5
    torch.testing.assert_close(encoder(pictures(2)).pooled, encoder.network(values))


def test_gradient_reaches_the_first_convolution() -> None:
    encoder = build("test_resnet")
    encoder(pictures(2)).pooled.square().sum().backward()
    first = next(encoder.network.parameters())
    assert first.grad is not None
    assert first.grad.abs().sum() > 0


def test_options_reach_timm() -> None:
    plain, same = build("test_efficientnet"), build("test_efficientnet", options={"drop_rate": 0.4})
    assert plain.network.drop_rate == 0
    assert same.network.drop_rate == 0.4


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(PolymodalError, match=r"no model 'resnet_18'; did you mean .*resnet18"):
        build("resnet_18")


def test_an_option_the_network_does_not_take_is_refused() -> None:
    with pytest.raises(PolymodalError, match=r"does not take the options.*wings"):
        build("test_resnet", options={"wings": 2})


def test_an_option_of_an_impossible_value_is_refused() -> None:
    with pytest.raises(PolymodalError, match="cannot be created with the options"):
        build("test_vit", options={"img_size": 7, "patch_size": 16, "num_heads": 7})


def test_the_hub_out_of_reach_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(PolymodalError, match=r"could not be had from the hub.*path of a local"):
        build("test_resnet", weights="hub")


def test_a_saved_network_is_the_same_network(tmp_path: Path) -> None:
    file = tmp_path / "tiny.safetensors"
    trained = timm.create_model("test_resnet", num_classes=0).eval()
    save_file(trained.state_dict(), file)
    encoder = build("test_resnet", weights=str(file)).eval()
    values = (pictures(2).float() / 255 - 0.5) / 0.5
    torch.testing.assert_close(encoder(pictures(2)).pooled, trained(values))


def test_pretrained_mobilenet_gives_its_features(shared_weights: Path) -> None:
    file = shared_weights / "mobilenetv2_100_imagenet" / "model.safetensors"
    config = TimmConfig(
        model="mobilenetv2_100",
        weights=str(file),
        options={"pad_type": "same"},
        size=128,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    )
    encoder = config.build(**ImageConfig(**config.requires()).build().spec()).eval()
    whole: Any = timm.create_model("mobilenetv2_100", pad_type="same").eval()
    from safetensors.torch import load_file

    whole.load_state_dict(load_file(file))
    with torch.no_grad():
        found = encoder(pictures(2, 128))
        expected = whole.forward_head(
            whole.forward_features(pictures(2, 128).float() / 127.5 - 1), pre_logits=True
        )
    assert encoder.feature_dim == 1280
    assert found.tokens.shape == (2, 16, 1280)
    torch.testing.assert_close(found.pooled, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("model", "layers"),
    [("test_vit", r"attn\.(qkv|proj)"), ("test_resnet", "conv|downsample"), ("test_convnext", "")],
)
def test_adapters_reach_the_features(model: str, layers: str) -> None:
    encoder = build(model, size=160 if model == "test_vit" else 64)
    names = target_layers(encoder, None)
    assert names
    assert all(re.search(layers, name) for name in names)
    assert not any(getattr(encoder.get_submodule(name), "groups", 1) > 1 for name in names)
    add_adapters(encoder, LoRAConfig(rank=2), column="image")
    encoder.train()(pictures(3, 160 if model == "test_vit" else 64)).pooled[:, 0].sum().backward()
    adapters = {name: item for name, item in encoder.named_parameters() if item.requires_grad}
    assert len(adapters) == 2 * len(names)
    assert all(item.grad is not None for item in adapters.values())
