from __future__ import annotations

import time

import torch
import torch.nn.functional as F
from polymodal_image.config import ImageConfig
from polymodal_image.convnet import ConvNetEncoder
from polymodal_image.encoder_config import ConvNetConfig


def encoder(size: int = 32, width: int = 8) -> ConvNetEncoder:
    torch.manual_seed(0)
    return ConvNetConfig(width=width).build(**ImageConfig(size=size).build().spec())


def pictures(count: int, size: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)


def test_features_and_tokens_have_the_named_width() -> None:
    net = encoder()
    found = net(pictures(3))
    assert found.pooled.shape == (3, net.feature_dim)
    assert found.tokens is not None
    assert found.mask is not None
    assert found.tokens.shape == (3, 16, net.feature_dim)
    assert found.mask.all()


def test_gradient_reaches_every_parameter() -> None:
    net = encoder()
    net(pictures(4)).pooled.square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_it_learns_what_is_left_and_right() -> None:
    # Red beside blue, or blue beside red: equal but for places.
    torch.manual_seed(0)
    value = torch.full((64, 3, 32, 32), 128, dtype=torch.uint8)
    value += torch.randint(0, 30, value.shape, dtype=torch.uint8)
    label = torch.arange(64) % 2
    for picture, swapped in zip(value, label, strict=True):
        top = int(torch.randint(4, 20, ()))
        left, right = (2, 0) if swapped else (0, 2)
        picture[left, top : top + 6, 4:12] = 255
        picture[right, top : top + 6, 20:28] = 255
    net = encoder()
    head = torch.nn.Linear(net.feature_dim, 2)
    optimiser = torch.optim.AdamW([*net.parameters(), *head.parameters()], lr=3e-3)
    for _ in range(30):
        loss = F.cross_entropy(head(net(value[:48]).pooled), label[:48])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        right_answers = head(net(value[48:]).pooled).argmax(1) == label[48:]
    assert right_answers.float().mean() > 0.9


def test_it_is_far_cheaper_than_a_usual_network() -> None:
    import timm

    small = encoder(64, width=24)
    usual = timm.create_model("resnet18", num_classes=0)
    batch = pictures(32, 64)

    def seconds(run: object) -> float:
        assert callable(run)
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            run().square().mean().backward()
            best = min(best, time.perf_counter() - start)
        return best

    # About 12 times is measured, on one core.
    ratio = seconds(lambda: usual(batch.float())) / seconds(lambda: small(batch).pooled)
    assert ratio > 4


def test_a_stride_ends_the_halving_and_says_its_grid() -> None:
    built = ConvNetConfig(width=8, depth=1, stride=8).build(**ImageConfig(size=96).build().spec())
    found = built(pictures(2, 96))
    assert found.grid == (12, 12)
    assert found.tokens is not None
    assert found.tokens.shape == (2, 144, 32)
    assert found.pooled.shape == (2, 32)
    coarse = ConvNetConfig(width=8, stride=32).build(**ImageConfig(size=64).build().spec())
    assert coarse(pictures(1, 64)).grid == (4, 4)  # never coarser than it would have been
    plain = ConvNetConfig(width=8).build(**ImageConfig(size=64).build().spec())
    assert plain.network.pool.in_features == coarse.network.pool.in_features
