from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image
from polymodal_core.errors import PolymodalError

SOURCE = Path(__file__).resolve().parents[2] / "examples/emoji/src/polymodal_emoji.py"


@pytest.fixture(scope="module")
def emoji() -> ModuleType:
    specification = importlib.util.spec_from_file_location("polymodal_emoji", SOURCE)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["polymodal_emoji"] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "png/72").mkdir(parents=True)
    for codes in ("1f600", "1f3c4_200d_2640"):
        Image.new("RGBA", (8, 8)).save(tmp_path / f"png/72/emoji_u{codes}.png")
    for language, names in {
        "en": {"😀": ["grinning face"], "🏄‍♀": ["woman surfing"]},
        "de": {"😀": ["grinsendes Gesicht"]},
    }.items():
        folder = tmp_path / "annotations" / language
        folder.mkdir(parents=True)
        entries = {key: {"tts": name, "default": ["word"]} for key, name in names.items()}
        text = json.dumps({"annotations": {"annotations": entries}})
        (folder / "annotations.json").write_text(text, encoding="utf-8")
    return tmp_path


def test_rows_join_picture_and_names(emoji: ModuleType, tree: Path) -> None:
    rows = list(emoji.EmojiConfig(root=tree, languages=("en", "de")).build().rows())
    assert [row.instance for row in rows] == ["1f3c4_200d_2640", "1f600"]
    surfing, grinning = (row.items for row in rows)
    assert surfing["name_en"].value == "woman surfing"
    assert "name_de" not in surfing  # CLDR lacks it: a missing value, not an empty text
    assert grinning["name_de"].value == "grinsendes Gesicht"


def test_keywords_follow_the_name(emoji: ModuleType, tree: Path) -> None:
    config = emoji.EmojiConfig(root=tree, languages=("en",), keywords=True)
    assert list(config.build().rows())[1].items["name_en"].value == "grinning face, word"


def test_missing_parts_are_named(emoji: ModuleType, tree: Path, tmp_path: Path) -> None:
    with pytest.raises(PolymodalError, match=r"languages found: de, en"):
        emoji.EmojiConfig(root=tree, languages=("it",)).build()
    with pytest.raises(PolymodalError, match="no pictures"):
        emoji.EmojiConfig(root=tmp_path / "annotations").build()


def test_real_tree(emoji: ModuleType, shared_data: Path) -> None:
    rows = list(emoji.EmojiConfig(root=shared_data / "emoji").build().rows())
    assert len(rows) == 1262
    assert all(len(row.items) == 5 for row in rows)
    assert 0.15 < sum(row.split == "test" for row in rows) / len(rows) < 0.25
