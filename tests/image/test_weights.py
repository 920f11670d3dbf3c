from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from polymodal_core.errors import PolymodalError
from polymodal_image.weights import load_local_weights, read_state_dict
from safetensors.torch import save_file

MODEL = "test_resnet"


def network(seed: int, **options: Any) -> torch.nn.Module:
    torch.manual_seed(seed)
    created: torch.nn.Module = timm.create_model(MODEL, **{"num_classes": 0, **options})
    return created


def saved(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> str:
    file = tmp_path / "weights.safetensors"
    save_file(tensors, file)
    return str(file)


def equal(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(
        torch.equal(value, other.state_dict()[key]) for key, value in one.state_dict().items()
    )


@pytest.mark.parametrize("wrapped", [False, True])
def test_pth_files_load_wrapped_or_not(tmp_path: Path, wrapped: bool) -> None:
    trained, fresh = network(0), network(1)
    assert not equal(trained, fresh)
    tensors = trained.state_dict()
    torch.save({"state_dict": tensors, "epoch": 3} if wrapped else tensors, tmp_path / "w.pth")
    load_local_weights(fresh, str(tmp_path / "w.pth"), model=MODEL)
    assert equal(trained, fresh)


def test_the_classifier_is_left_out_and_said_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trained, fresh = network(0, num_classes=7), network(1)
    with caplog.at_level(logging.INFO, logger="polymodal_image"):
        load_local_weights(fresh, saved(tmp_path, trained.state_dict()), model=MODEL)
    assert equal(fresh, trained)
    assert "the classifier is not used: fc.bias, fc.weight" in caplog.text


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match=r"no\.safetensors: no such file of weights; give"):
        load_local_weights(network(0), str(tmp_path / "no.safetensors"), model=MODEL)


def test_missing_and_unexpected_keys_are_listed_and_the_rule_named(tmp_path: Path) -> None:
    tensors = network(0, num_classes=7).state_dict()
    tensors["stray.weight"] = tensors.pop("conv1.0.weight")
    with pytest.raises(PolymodalError) as caught:
        load_local_weights(network(1), saved(tmp_path, tensors), model=MODEL)
    message = str(caught.value)
    assert "does not fit timm model 'test_resnet', 2 keys differ" in message
    assert "missing conv1.0.weight; unexpected stray.weight" in message
    assert "left out by rule: fc.bias, fc.weight" in message


def test_other_shapes_are_listed(tmp_path: Path) -> None:
    tensors = network(0).state_dict()
    tensors["conv1.0.weight"] = torch.zeros(2, 3, 3, 3)
    with pytest.raises(PolymodalError, match=r"conv1\.0\.weight is \[2, 3, 3, 3\], the network ha"):
        load_local_weights(network(1), saved(tmp_path, tensors), model=MODEL)


def test_a_file_of_another_network_is_cut_short(tmp_path: Path) -> None:
    other = timm.create_model("test_efficientnet", num_classes=0).state_dict()
    with pytest.raises(PolymodalError, match=r"and [0-9]+ more") as caught:
        load_local_weights(network(1), saved(tmp_path, other), model=MODEL)
    assert len(str(caught.value)) < 900


def test_files_without_batch_counters_load(tmp_path: Path) -> None:
    trained, fresh = network(0), network(1)
    tensors = {k: v for k, v in trained.state_dict().items() if "num_batches" not in k}
    load_local_weights(fresh, saved(tmp_path, tensors), model=MODEL)
    assert equal(trained, fresh)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_damaged_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x08\x00\x00\x00 not weights")
    with pytest.raises(PolymodalError, match=rf"{name}: the weights cannot be read"):
        read_state_dict(tmp_path / name)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("evil-was-run"),))


def test_code_in_a_pth_file_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(PolymodalError, match=r"evil\.pth: the weights cannot be read"):
        read_state_dict(tmp_path / "evil.pth")
    assert not (tmp_path / "evil-was-run").exists()


def test_what_is_no_state_dict_is_refused(tmp_path: Path) -> None:
    torch.save({"a": 3}, tmp_path / "w.pth")
    with pytest.raises(PolymodalError, match="holds no state dict"):
        read_state_dict(tmp_path / "w.pth")
