"""Where models are looked for, and what is said where there are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_speech.encoder_config import TransformersConfig
from polymodal_speech.pretrained import load_pretrained, read_architecture

from tests.speech.models import save_model
from tests.speech.sounds import RATE

SPEC = {"rate": RATE, "length": RATE}


def never(name: str, **options: Any) -> None:
    raise AssertionError(f"asked for {name} with {options}")


def offline(name: str, **options: Any) -> None:
    raise OSError(f"cannot reach huggingface.co for {name}\nand more")


def test_a_folder_that_is_missing_is_never_looked_for_on_the_network() -> None:
    for name in ("/no/model", "./no/model", "~/no/model"):
        with pytest.raises(PolymodalError, match="no such folder; wanted a folder with config"):
            load_pretrained(never, name, local_only=False)


def test_what_has_been_downloaded_is_taken_first() -> None:
    asked: list[dict[str, Any]] = []

    def load(name: str, **options: Any) -> str:
        asked.append(options)
        return f"{name}!"

    assert load_pretrained(load, "facebook/hubert", local_only=False, revision="a") == (
        "facebook/hubert!"
    )
    assert asked == [{"local_files_only": True, "revision": "a"}]


def test_local_only_forbids_the_network() -> None:
    with pytest.raises(PolymodalError, match="local_only = true forbids the network; give the"):
        load_pretrained(offline, "facebook/hubert", local_only=True)


def test_offline_the_message_says_what_to_do() -> None:
    with pytest.raises(PolymodalError, match=r"cannot be loaded: cannot reach .*; give the path"):
        load_pretrained(offline, "facebook/hubert", local_only=False)


def test_an_encoder_of_an_unknown_name_is_refused_in_words() -> None:
    config = TransformersConfig(model="nobody/no-such-hubert", local_only=True)
    with pytest.raises(PolymodalError, match="model 'nobody/no-such-hubert': neither a folder nor"):
        config.build(**SPEC)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    path = save_model(tmp_path, "hubert-base")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(PolymodalError, match=r"cannot be loaded: .*; give the path of a folder"):
        TransformersConfig(model=path).build(**SPEC)


def test_a_damaged_config_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(PolymodalError, match="cannot be loaded"):
        read_architecture(str(tmp_path), local_only=True)


def test_another_sample_rate_is_refused(tmp_path: Path) -> None:
    path = save_model(tmp_path, "hubert-base")
    settings = json.loads((tmp_path / "preprocessor_config.json").read_text())
    settings["sampling_rate"] = 8000
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    with pytest.raises(PolymodalError, match="hears 8000 Hz; wanted one of 16000 Hz"):
        read_architecture(path, local_only=True)
