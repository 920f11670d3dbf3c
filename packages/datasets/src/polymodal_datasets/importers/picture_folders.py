"""Folders of pictures of which some may be absent, listed once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class PictureFolders:
    """The folders of pictures below a root, each with the names in it."""

    def __init__(self, root: Path, *, below: Sequence[str] = ("", "images")) -> None:
        """Look for folders in `root` and, by default, in `root/images`."""
        self._root = root
        self._below = below
        self._known: dict[str, tuple[str, frozenset[str]] | None] = {}

    def has(self, folder: str) -> bool:
        """Say whether there is such a folder."""
        return self._listed(folder) is not None

    def find(self, folder: str, name: str) -> str | None:
        """Give the path of a picture below the root, None where there is none."""
        listed = self._listed(folder)
        if listed is None or name not in listed[1]:
            return None
        return f"{listed[0]}/{name}"

    def _listed(self, folder: str) -> tuple[str, frozenset[str]] | None:
        if folder not in self._known:
            places = [f"{below}/{folder}".strip("/") for below in self._below]
            found = next((place for place in places if (self._root / place).is_dir()), None)
            self._known[folder] = None
            if found is not None:
                names = frozenset(path.name for path in (self._root / found).iterdir())
                self._known[folder] = (found, names)
        return self._known[folder]
