"""The default network: right to the frame, and able to learn what was said when."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from polymodal_speech.convnet import MaskedConvolution, SpeechConvNet
from torch import nn

from tests.speech.sounds import RATE, Samples, inputs_of, voice

LENGTHS = (0.05, 0.31, 0.9, 0.62, 0.5003)


def network(**options: int) -> SpeechConvNet:
    torch.manual_seed(0)
    given = {"rate": RATE, "bands": 16, "channels": 4, "width": 16, "depth": 3, **options}
    return SpeechConvNet(**given).eval()


def waves() -> list[Samples]:
    return [voice(seconds, seed=number) for number, seconds in enumerate(LENGTHS)]


def test_alone_or_in_a_batch_features_are_the_same() -> None:
    net = network().double()
    found = net(inputs_of(waves()))
    assert found.tokens is not None
    assert found.mask is not None
    for row, wave in enumerate(waves()):
        alone = net(inputs_of([wave]))
        torch.testing.assert_close(found.pooled[row], alone.pooled[0], atol=1e-10, rtol=0)
        count = int(found.mask[row].sum())
        assert alone.mask.all()
        assert alone.tokens.shape[1] == count
        torch.testing.assert_close(found.tokens[row, :count], alone.tokens[0], atol=1e-10, rtol=0)
        assert not found.tokens[row, count:].any()


def test_what_stands_in_the_padding_changes_nothing_at_all() -> None:
    net = network()
    inputs = inputs_of(waves())
    filled = inputs["waveform"].clone()
    for row, length in enumerate(inputs["lengths"]):
        filled[row, length:] = 9.0
    for mode in (True, False):
        net.train(mode)
        assert torch.equal(net(inputs).pooled, net({**inputs, "waveform": filled}).pooled)


def test_there_is_a_token_every_tenth_of_a_second() -> None:
    found = network()(inputs_of([voice(2.0)]))
    assert found.tokens is not None
    assert found.tokens.shape == (1, 20, 16)


def test_a_masked_convolution_against_one_on_the_recording_itself() -> None:
    torch.manual_seed(0)
    for stride in (1, 2):
        layer = MaskedConvolution(nn.Conv1d(3, 8, 5, stride=stride, padding=2, bias=False)).double()
        frames = torch.randn(2, 3, 9, dtype=torch.float64)
        mask = torch.tensor([[True] * 9, [True] * 4 + [False] * 5])
        found, left = layer(frames * mask[:, None], mask)
        short, _ = layer(frames[1:, :, :4], mask[1:, :4])
        count = int(left[1].sum())
        assert count == -(-4 // stride)
        torch.testing.assert_close(found[1:, :, :count], short)
        assert not found[1, :, count:].any()


@pytest.mark.parametrize("options", [{"bands": 13}, {"width": 6}, {"channels": 3}, {"depth": 0}])
def test_any_size_builds(options: dict[str, int]) -> None:
    net = network(**options)
    assert net(inputs_of(waves())).pooled.shape == (5, net.feature_dim)


def test_other_rates_are_heard_alike() -> None:
    net, slow = network(), network(rate=8000)
    assert (
        net(inputs_of([voice(1.0)])).mask.shape
        == slow(inputs_of([voice(1.0, rate=8000)])).mask.shape
    )


def tone(frequency: float, seconds: float) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def test_it_learns_which_of_two_sounds_comes_first() -> None:
    rng = np.random.default_rng(0)
    waveforms, labels = [], []
    for number in range(48):
        label = number % 2
        low, high = tone(rng.uniform(300, 600), 0.2), tone(rng.uniform(1500, 3000), 0.2)
        order = (low, high) if label else (high, low)
        gap = np.zeros(int(rng.integers(1600)), np.float32)
        wave = np.concatenate([gap, order[0], gap[::2], order[1], gap[::3]])
        waveforms.append((wave + 0.01 * rng.standard_normal(len(wave))).astype(np.float32))
        labels.append(label)
    torch.manual_seed(0)
    net = network().train()
    read = nn.Linear(net.feature_dim, 2)
    optimiser = torch.optim.Adam([*net.parameters(), *read.parameters()], lr=5e-3)
    target = torch.tensor(labels)
    train, test = slice(0, 32), slice(32, 48)
    for _ in range(40):
        optimiser.zero_grad()
        score = read(net(inputs_of(waveforms[train])).pooled)
        nn.functional.cross_entropy(score, target[train]).backward()
        optimiser.step()
    net.eval()
    found = read(net(inputs_of(waveforms[test])).pooled).argmax(dim=1)
    assert (found == target[test]).float().mean() >= 0.9
