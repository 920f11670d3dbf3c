"""Pictures with captions, as Flickr8k, Flickr30k and COCO have them: one row per caption."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from polymodal_core.rows import BadRow, Item, Row

from polymodal_datasets.importers.cells import BadCell, text_of


@dataclass(frozen=True)
class Caption:
    """A caption: where it stands, its own id, its picture's name and its text."""

    origin: str
    id: str
    picture: str
    text: str


@dataclass(frozen=True)
class Place:
    """What is known of a picture that has captions.

    `path` is below the importer's root, None where there is no file, and `wanted` then says which
    was looked for. `split` None means that the picture is left out, as `left_out` says.
    """

    path: str | None
    split: str | None
    label: str | None = None
    wanted: str = ""
    left_out: str = "pictures with captions, in no split list"


def caption_rows(
    captions: Iterable[Caption | BadRow],
    place_of: Callable[[str], Place],
    counts: dict[str, int],
) -> Iterator[Row | BadRow]:
    """Yield a row per caption, in their order; `instance` is the picture's name.

    A picture without a file is a single bad row and takes its captions with it. In the end,
    `counts` says how many pictures are left out.
    """
    places: dict[str, Place] = {}
    seen: set[str] = set()
    for caption in captions:
        if isinstance(caption, BadRow):
            yield caption
            continue
        first = caption.picture not in places
        if first:
            places[caption.picture] = place_of(caption.picture)
        place = places[caption.picture]
        if place.split is None:
            if first:
                counts[place.left_out] = counts.get(place.left_out, 0) + 1
        elif place.path is None:
            if first:
                message = f"no picture {place.wanted}; none of its captions is read"
                yield BadRow(caption.origin, message)
        elif caption.id in seen:
            yield BadRow(caption.origin, f"the caption '{caption.id}' is there already")
        else:
            seen.add(caption.id)
            items = {
                "image": Item(place.path, place.path),
                "text": Item(caption.id, caption.text),
            }
            yield Row(items, caption.picture, place.label, place.split, caption.origin)


def read_tokens(path: Path) -> Iterator[Caption | BadRow]:
    """Read the lines `name.jpg#0<tab>caption` of a `.token` file."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield _token(line, f"{path.name}:{number}")


def caption_of(origin: str, name: str, picture: str, text: object) -> Caption | BadRow:
    """Make a caption of a text as it was read; a bad row where that is none."""
    try:
        found = text_of(text)
    except BadCell as error:
        return BadRow(origin, error.message)
    if found is None:
        return BadRow(origin, "the caption is empty")
    return Caption(origin, name, picture, found)


def _token(line: str, origin: str) -> Caption | BadRow:
    name, tab, rest = line.partition("\t")
    picture, mark, number = name.strip().rpartition("#")
    if not (tab and mark and picture and number.isdecimal()):
        given = line.strip()[:60]
        return BadRow(origin, f"'name.jpg#0', a tab and a caption are expected; given '{given}'")
    return caption_of(origin, name.strip(), picture, rest)
