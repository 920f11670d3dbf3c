"""Where pretrained files are looked for, and what is said where they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from polymodal_core.errors import PolymodalError
from polymodal_text.pretrained import load_pretrained


def test_a_folder_is_loaded_as_it_is(tmp_path: Path) -> None:
    calls: list[Any] = []
    load_pretrained(lambda *args, **kw: calls.append((args, kw)), str(tmp_path), what="x", size=3)
    assert calls == [((str(tmp_path),), {"size": 3})]


@pytest.mark.parametrize("name", ["/no/such/folder", "./missing", "~/no-such-folder-here"])
def test_a_missing_folder_never_becomes_a_name(name: str) -> None:
    with pytest.raises(PolymodalError, match=f"'{name}': no such folder; wanted a folder with"):
        load_pretrained(lambda *args, **kw: pytest.fail("loaded"), name, what="model")


def test_a_name_is_looked_up_among_downloads_first() -> None:
    calls: list[bool] = []

    def load(name: str, *, local_files_only: bool = False) -> str:
        calls.append(local_files_only)
        if local_files_only:
            raise OSError("not cached")
        return name

    assert load_pretrained(load, "owner/model", what="model") == "owner/model"
    assert calls == [True, False]


def test_local_only_forbids_the_network() -> None:
    def load(name: str, *, local_files_only: bool) -> None:
        assert local_files_only
        raise OSError("not cached")

    with pytest.raises(PolymodalError, match="forbids the network; give the path of a folder"):
        load_pretrained(load, "owner/model", what="model", local_only=True)


def test_being_offline_says_how_to_give_a_path() -> None:
    def load(name: str, *, local_files_only: bool = False) -> None:
        raise OSError("We couldn't connect to the hub.\nand much more")

    with pytest.raises(PolymodalError) as caught:
        load_pretrained(load, "owner/model", what="tokenizer")
    assert "tokenizer 'owner/model' cannot be loaded: We couldn't connect to the hub.;" in str(
        caught.value
    )
    assert "--local-dir" in str(caught.value)
    assert "much more" not in str(caught.value)


def test_a_damaged_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    from transformers import AutoConfig

    with pytest.raises(PolymodalError, match=f"'{tmp_path}' cannot be loaded"):
        load_pretrained(AutoConfig.from_pretrained, str(tmp_path), what="model")
