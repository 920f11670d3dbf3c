"""Loading from Hugging Face: local files first, and a message that helps where there are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from polymodal_core.errors import PolymodalError


def load_pretrained(
    load: Callable[..., Any],
    name: str,
    *,
    what: str,
    local_only: bool = False,
    **options: Any,
) -> Any:
    """Call transformers' `load` for a folder, or for a name: as downloaded before, else now.

    Raises PolymodalError that says where `what` was looked for and how to give a local path.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _attempt(load, str(folder), what, options)
    if folder.is_absolute() or name.startswith((".", "~")):
        raise PolymodalError(
            f"{what} '{name}': no such folder; wanted a folder with config.json as written by "
            f"save_pretrained, or the name of a model on huggingface.co"
        )
    try:
        return load(name, local_files_only=True, **options)
    except (OSError, ValueError) as error:
        if local_only:
            raise PolymodalError(
                f"{what} '{name}': neither a folder nor downloaded before, and local_only = true "
                f"forbids the network; {_ADVICE}"
            ) from error
    return _attempt(load, name, what, options)


_ADVICE = (
    "give the path of a folder with its files instead of the name "
    "(on a machine with a connection: `hf download NAME --local-dir FOLDER`)"
)


def _attempt(load: Callable[..., Any], name: str, what: str, options: dict[str, Any]) -> Any:
    try:
        return load(name, **options)
    except Exception as error:  # transformers raises OSError, ValueError, SafetensorError, ...
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise PolymodalError(f"{what} '{name}' cannot be loaded: {reason}; {_ADVICE}") from error
