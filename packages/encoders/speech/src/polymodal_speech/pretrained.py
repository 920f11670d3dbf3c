"""Models from Hugging Face: local files first, and a message that helps where there are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from polymodal_core.errors import PolymodalError

ADVICE = (
    "give the path of a folder with its files instead of the name "
    "(on a machine with a connection: `hf download NAME --local-dir FOLDER`)"
)


def load_pretrained(
    load: Callable[..., Any], name: str, *, local_only: bool, **options: Any
) -> Any:
    """Call transformers' `load` for a folder, or for a name: as downloaded before, else now.

    Raises PolymodalError that says where the model was looked for and how to give a local path.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _attempt(load, str(folder), options)
    if folder.is_absolute() or name.startswith((".", "~")):
        raise PolymodalError(
            f"model '{name}': no such folder; wanted a folder with config.json as written by "
            f"save_pretrained, or the name of a model on huggingface.co"
        )
    try:
        return load(name, local_files_only=True, **options)
    except (OSError, ValueError) as error:
        if local_only:
            raise PolymodalError(
                f"model '{name}': neither a folder nor downloaded before, and local_only = true "
                f"forbids the network; {ADVICE}"
            ) from error
    return _attempt(load, name, options)


def read_architecture(name: str, *, local_only: bool) -> dict[str, Any]:
    """Read what a model's files say beside weights: `config`, and how its input is prepared.

    `normalise`: whether recordings are brought to mean 0 and variance 1. Raises PolymodalError
    where there is no such model, or where it hears another sample rate than 16 kHz.
    """
    import transformers

    config = load_pretrained(transformers.AutoConfig.from_pretrained, name, local_only=local_only)
    plain = json.loads(config.to_json_string(use_diff=False))
    features: dict[str, Any] = {}
    try:
        found = load_pretrained(
            transformers.AutoFeatureExtractor.from_pretrained, name, local_only=local_only
        )
        features = found.to_dict()
    except PolymodalError:
        # A folder without preprocessor_config.json: what transformers assumes.
        pass
    rate = features.get("sampling_rate", 16_000)
    if rate != 16_000:
        raise PolymodalError(f"model '{name}' hears {rate} Hz; wanted one of 16000 Hz")
    return {"config": plain, "normalise": bool(features.get("do_normalize", True))}


def _attempt(load: Callable[..., Any], name: str, options: dict[str, Any]) -> Any:
    try:
        return load(name, **options)
    except Exception as error:  # transformers raises OSError, ValueError, SafetensorError, ...
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise PolymodalError(f"model '{name}' cannot be loaded: {reason}; {ADVICE}") from error
