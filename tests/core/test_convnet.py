from __future__ import annotations

import pytest
import torch
from polymodal_core.convnet import SpatialConvNet


@pytest.mark.parametrize(("size", "side"), [(8, 4), (32, 4), (48, 6), (64, 4), (100, 4), (224, 4)])
def test_any_size_comes_to_a_coarse_map(size: int, side: int) -> None:
    net = SpatialConvNet(3, size=size, width=4)
    found = net(torch.zeros(2, 3, size, size))
    assert found.pooled.shape == (2, net.feature_dim)
    assert net.side == side
    assert found.tokens.shape == (2, side * side, net.feature_dim)
    assert found.mask.dtype == torch.bool
    assert found.mask.all()


def test_width_and_depth_set_the_features() -> None:
    plain = SpatialConvNet(1, size=64, width=8, depth=0)
    deep = SpatialConvNet(1, size=64, width=8, depth=2)
    assert plain.feature_dim == deep.feature_dim == 64
    assert len(deep.stages) == len(plain.stages) + 4


def test_pooled_features_know_where_a_thing_is() -> None:
    torch.manual_seed(0)
    net = SpatialConvNet(1, size=32, width=8).eval()
    pictures = torch.zeros(2, 1, 32, 32)
    pictures[0, :, 8:12, 4:8] = 1
    pictures[1, :, 8:12, 20:24] = 1
    pooled = net(pictures).pooled
    # The same thing moved by a multiple of the map's cell: an average would be equal but for the
    # borders.
    assert (pooled[0] - pooled[1]).norm() > 0.1 * pooled[0].norm()


def test_features_do_not_depend_on_the_rest_of_the_batch() -> None:
    torch.manual_seed(0)
    net = SpatialConvNet(3, size=16, width=8).train()
    pictures = torch.rand(5, 3, 16, 16)
    torch.testing.assert_close(net(pictures).pooled[:1], net(pictures[:1]).pooled)


def test_gradient_reaches_every_parameter() -> None:
    torch.manual_seed(0)
    net = SpatialConvNet(2, size=32, width=8, depth=1)
    net(torch.rand(3, 2, 32, 32)).pooled.square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
