"""YAMNet: against a reference of its own, right to the frame, and on real recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from polymodal_core.errors import PolymodalError
from polymodal_speech.encoder_config import YAMNetConfig
from polymodal_speech.recordings import decode_recording
from polymodal_speech.yamnet_encoder import CHANNELS, STRIDES, YAMNetEncoder
from safetensors.torch import load_file, save_file

from tests.speech.sounds import RATE, Samples, inputs_of, voice

SPEC = {"rate": RATE, "length": 30 * RATE}


def build(weights: str = "random", **options: Any) -> YAMNetEncoder:
    torch.manual_seed(0)
    return YAMNetConfig(weights=weights, **options).build(**SPEC).eval()


def log_mel(wave: Samples, mel: torch.Tensor) -> torch.Tensor:
    """One patch [96, 64] of a recording of at most 0.975 s, frame by frame in float64."""
    padded = np.zeros(15_600)
    padded[: len(wave)] = wave
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = [padded[160 * number : 160 * number + 400] * taper for number in range(96)]
    magnitude = np.abs(np.fft.rfft(np.stack(frames), 512))
    return torch.from_numpy(np.log(magnitude @ mel.double().numpy().T + 0.001))


def convolved(maps: torch.Tensor, state: dict[str, torch.Tensor], name: str, stride: int) -> Any:
    """A convolution with SAME padding, found by trying which padding gives the right size."""
    weight = state[f"{name}.weight"].double()
    if weight.shape[-1] == 3:
        height, width = maps.shape[2:]
        for axis, size in ((2, width), (3, height)):
            wanted = -(-size // stride)
            total = max((wanted - 1) * stride + 3 - size, 0)
            sides = [0, 0, 0, 0]
            sides[2 * (axis - 2)], sides[2 * (axis - 2) + 1] = total // 2, total - total // 2
            maps = F.pad(maps, sides)
    groups = len(weight) if weight.shape[1] == 1 and maps.shape[1] > 1 else 1
    bias = state[f"{name}.bias"].double()
    return F.conv2d(maps, weight, bias, stride=stride, groups=groups).clamp(min=0)


def reference(wave: Samples, state: dict[str, torch.Tensor], block: int) -> torch.Tensor:
    """Behind a block: [time, channels], averaged over frequency."""
    maps = convolved(log_mel(wave, state["mel"])[None, None], state, "stem", 2)
    for number in range(block + 1):
        maps = convolved(maps, state, f"blocks.{number}.depthwise", STRIDES[number])
        maps = convolved(maps, state, f"blocks.{number}.pointwise", 1)
    averaged: torch.Tensor = maps.mean(dim=3)[0].T
    return averaged


@pytest.mark.parametrize("block", [0, 4, 7])
def test_tokens_of_a_patch_against_a_reference(block: int) -> None:
    encoder = build(block=block, segments=1)
    state = encoder.network.state_dict()
    waves = [voice(0.975), voice(0.4, seed=1)]
    with torch.no_grad():
        found = encoder(inputs_of(waves))
    for row, wave in enumerate(waves):
        expected = reference(wave, state, block)
        frames = 1 + -(-max(len(wave) - 400, 0) // 160)
        count = -(-frames // encoder.stride)
        assert int(found.mask[row].sum()) == count
        torch.testing.assert_close(
            found.tokens[row, :count].double(), expected[:count], atol=1e-4, rtol=1e-3
        )
        torch.testing.assert_close(
            found.pooled[row].double(), expected[:count].mean(dim=0), atol=1e-4, rtol=1e-3
        )


def test_alone_or_in_a_batch_features_are_the_same() -> None:
    waves = [voice(seconds, seed=number) for number, seconds in enumerate((0.05, 2.3, 0.97, 1.1))]
    for segments in (1, 4):
        encoder = build(block=5, segments=segments)
        inputs = inputs_of(waves)
        filled = inputs["waveform"].clone()
        filled[0, 800:] = 3.0
        with torch.no_grad():
            found = encoder({**inputs, "waveform": filled})
            for row, wave in enumerate(waves):
                alone = encoder(inputs_of([wave]))
                torch.testing.assert_close(found.pooled[row], alone.pooled[0], atol=1e-5, rtol=0)


def test_segments_keep_what_is_said_when() -> None:
    tokens, four = build(block=3, segments=1), build(block=3, segments=4)
    wave = voice(1.9)
    with torch.no_grad():
        found = tokens(inputs_of([wave])).tokens[0]
        parts = four(inputs_of([wave])).pooled[0].view(4, CHANNELS[3])
    count = len(found)
    for number in range(4):
        first, last = number * count // 4, -(-(number + 1) * count // 4)
        torch.testing.assert_close(parts[number], found[first:last].mean(dim=0), atol=1e-5, rtol=0)


def test_fewer_tokens_than_segments_are_shared() -> None:
    encoder = build(block=7, segments=4)
    with torch.no_grad():
        found = encoder(inputs_of([voice(0.06)])).pooled.view(4, -1)
    for part in found[1:]:
        torch.testing.assert_close(part, found[0])


def test_frozen_unless_told_otherwise() -> None:
    assert YAMNetConfig(weights="random").tuning == "frozen"
    assert YAMNetConfig(weights="random", tuning="full").tuning == "full"


@pytest.mark.parametrize("block", [4, 12])
def test_a_file_of_weights_is_loaded(tmp_path: Path, block: int) -> None:
    tensors = {
        name: tensor.half() + 0.1 for name, tensor in build(block=12).network.state_dict().items()
    }
    tensors["mel.weight"] = tensors.pop("mel")
    save_file(tensors, tmp_path / "yamnet.safetensors")
    loaded = build(str(tmp_path / "yamnet.safetensors"), block=block).network.state_dict()
    assert torch.equal(loaded["mel"], tensors["mel.weight"].float())
    assert torch.equal(
        loaded["blocks.4.pointwise.weight"], tensors["blocks.4.pointwise.weight"].float()
    )
    assert {tensor.dtype for tensor in loaded.values()} == {torch.float32}


def test_other_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"stem.weight": torch.zeros(3)}, path)
    with pytest.raises(PolymodalError, match=r"these are not the weights of YAMNet: \d+ tensors"):
        build(str(path))
    path.write_text("no tensors")
    with pytest.raises(PolymodalError, match="the weights cannot be read"):
        build(str(path))
    with pytest.raises(PolymodalError, match="no such file of weights; give the path"):
        build("/no/such.safetensors")
    with pytest.raises(PolymodalError, match="YAMNet hears 16000 Hz; the modality's rate is 8000"):
        YAMNetConfig(weights="random").build(rate=8000, length=8000)


def test_its_portable_form_needs_no_file() -> None:
    kept = YAMNetConfig(weights="/some/file.safetensors", block=4, segments=2).portable()
    assert kept == YAMNetConfig(weights="random", block=4, segments=2)


def test_the_trained_network_hears_speech(shared_weights: Path, shared_data: Path) -> None:
    path = shared_weights / "yamnet" / "model.safetensors"
    encoder = build(str(path), block=12, segments=1)
    tensors = load_file(path)
    names = sorted((shared_data / "ljspeech" / "LJSpeech-1.1" / "wavs").glob("*.flac"))[:6]
    waves = [decode_recording(name.read_bytes())[0][:31_200] for name in names]
    with torch.no_grad():
        pooled = encoder(inputs_of(waves)).pooled
        scores = pooled @ tensors["classifier.weight"].float().T + tensors["classifier.bias"]
    assert scores.argmax(dim=1).tolist() == [0] * len(names)  # class 0 of AudioSet is speech
    assert (scores[:, 0].sigmoid() > 0.8).all()
