from __future__ import annotations

import torch
from polymodal_image.normalise import Normalise


def test_pixels_become_mean_zero_and_deviation_one() -> None:
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (2, 3, 5, 4), dtype=torch.uint8)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    expected = pixels.double() / 255
    for channel in range(3):
        expected[:, channel] = (expected[:, channel] - mean[channel]) / std[channel]
    found = Normalise(mean, std)(pixels)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=1e-5)


def test_it_is_no_part_of_the_weights() -> None:
    assert Normalise((0.5,), (0.5,)).state_dict() == {}


def test_it_moves_with_its_network() -> None:
    moved = Normalise((0.5,), (0.5,)).to("meta")
    assert {buffer.device.type for buffer in moved.buffers()} == {"meta"}
