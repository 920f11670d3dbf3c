from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from polymodal_core.errors import PolymodalError
from polymodal_depth.weights import load_local_weights
from safetensors.torch import save_file

MODEL = "test_resnet"


def network(seed: int, *, in_chans: int = 1, num_classes: int = 0) -> Any:
    torch.manual_seed(seed)
    return timm.create_model(MODEL, in_chans=in_chans, num_classes=num_classes).eval()


def saved(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> str:
    file = tmp_path / "weights.safetensors"
    save_file(tensors, file)
    return str(file)


def test_weights_for_depth_load_as_they_are(tmp_path: Path) -> None:
    trained, fresh = network(0), network(1)
    load_local_weights(fresh, saved(tmp_path, trained.state_dict()), model=MODEL)
    depth = torch.rand(2, 1, 64, 64)
    torch.testing.assert_close(fresh(depth), trained(depth))


def test_weights_for_colour_see_depth_as_grey(tmp_path: Path) -> None:
    trained, fresh = network(0, in_chans=3, num_classes=7), network(1)
    load_local_weights(fresh, saved(tmp_path, trained.state_dict()), model=MODEL)
    depth = torch.rand(2, 1, 64, 64)
    grey = trained.forward_head(
        trained.forward_features(depth.expand(-1, 3, -1, -1)), pre_logits=True
    )
    torch.testing.assert_close(fresh(depth), grey)


def test_pth_files_load(tmp_path: Path) -> None:
    trained, fresh = network(0), network(1)
    torch.save({"state_dict": trained.state_dict()}, tmp_path / "w.pth")
    load_local_weights(fresh, str(tmp_path / "w.pth"), model=MODEL)
    depth = torch.rand(2, 1, 64, 64)
    torch.testing.assert_close(fresh(depth), trained(depth))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match=r"no\.pth: no such file of weights; give"):
        load_local_weights(network(0), str(tmp_path / "no.pth"), model=MODEL)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_damaged_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x08\x00\x00\x00 not weights")
    with pytest.raises(PolymodalError, match=rf"{name}: the weights cannot be read"):
        load_local_weights(network(0), str(tmp_path / name), model=MODEL)


def test_what_does_not_fit_is_listed(tmp_path: Path) -> None:
    tensors = network(0).state_dict()
    tensors["stray.weight"] = tensors.pop("bn1.weight")
    with pytest.raises(PolymodalError, match=r"does not fit timm model 'test_resnet'") as caught:
        load_local_weights(network(1), saved(tmp_path, tensors), model=MODEL)
    assert "bn1.weight" in str(caught.value)
    assert "stray.weight" in str(caught.value)
    assert len(str(caught.value)) < 1000
