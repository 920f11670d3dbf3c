from __future__ import annotations

import torch
from polymodal_depth.config import DepthConfig
from polymodal_depth.convnet import ConvNetEncoder
from polymodal_depth.encoder_config import ConvNetConfig


def encoder() -> ConvNetEncoder:
    torch.manual_seed(0)
    built = ConvNetConfig(width=8).build(**DepthConfig(size=32).build().spec())
    assert isinstance(built, ConvNetEncoder)
    return built


def maps(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.stack(
        (torch.rand(count, 32, 32, generator=generator), torch.ones(count, 32, 32)), dim=1
    )


def test_features_and_tokens_have_the_named_width() -> None:
    net = encoder()
    found = net(maps(3))
    assert found.pooled.shape == (3, net.feature_dim)
    assert found.tokens.shape == (3, 16, net.feature_dim)
    assert found.grid == (4, 4)
    assert found.mask.dtype == torch.bool
    assert found.mask.all()


def test_cells_without_readings_are_masked() -> None:
    inputs = maps(2)
    inputs[0, :, :16] = 0
    inputs[1] = 0
    mask = encoder()(inputs).mask
    assert mask[0].tolist() == [False] * 8 + [True] * 8
    # Attention over no token at all would be NaN.
    assert mask[1].all()


def test_validity_is_seen() -> None:
    inputs = maps(1)
    inputs[:, :, 8:16, 8:16] = 0
    near = inputs.clone()
    near[:, 1] = 1
    net = encoder().eval()
    assert (net(inputs).pooled - net(near).pooled).abs().max() > 1e-3


def test_gradient_reaches_every_parameter() -> None:
    net = encoder()
    net(maps(4)).pooled.square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
