"""Words that may stand for each other: a short list of ours, or a file of the user's."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from polymodal_core.errors import PolymodalError

Groups = list[list[str]]


def read_synonyms(path: str | None) -> Groups:
    """Read groups of synonyms, one a line, separated by commas; `#` begins a comment.

    None gives the list that comes with this package. Raises PolymodalError for a file that is
    missing, no text, or without a group, and for a line of one word alone.
    """
    if path is None:
        return _groups((files("polymodal_text") / "synonyms.txt").read_text("utf-8"), "synonyms")
    file = Path(path).expanduser()
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PolymodalError(
            f"augment.synonyms '{path}' cannot be read: {reason}; wanted a text file with a group "
            f"of words a line, separated by commas (man, guy, fellow), or leave the key out"
        ) from error
    return _groups(text, path)


def synonyms_of(groups: Iterable[Iterable[str]]) -> dict[str, list[str]]:
    """Give each word's synonyms, itself left out, in the order of the groups that have it."""
    found: dict[str, list[str]] = {}
    for group in groups:
        words = list(group)
        for word in words:
            others = found.setdefault(word, [])
            others += [other for other in words if other != word and other not in others]
    return found


def _groups(text: str, source: str) -> Groups:
    groups = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = [" ".join(word.split()).lower() for word in line.partition("#")[0].split(",")]
        words = list(dict.fromkeys(filter(None, words)))
        if len(words) == 1:
            raise PolymodalError(
                f"augment.synonyms '{source}', line {number}: '{words[0]}' stands alone; wanted "
                f"two words or more, separated by commas (man, guy, fellow)"
            )
        if words:
            groups.append(words)
    if not groups:
        raise PolymodalError(
            f"augment.synonyms '{source}' has no group of words; wanted one a line, separated by "
            f"commas (man, guy, fellow)"
        )
    return groups
