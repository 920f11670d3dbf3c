"""A picture of rows: one line per row, one cell per column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polymodal_core.errors import StoreError

from polymodal_datasets.fonts import font_for
from polymodal_datasets.store import Store

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image, ImageDraw
    from polymodal_core.plugins import Registry
    from polymodal_core.protocols import Modality

    from polymodal_datasets.fonts import Font

CELL = 220
MARGIN = 12
HEADER = 58
ASIDE = 150
SIZES = {"title": 19, "text": 15, "note": 13}
INKS = {"title": "#1c2530", "text": "#1c2530", "note": "#7a8794"}
LEADING = 6
LINE, PAPER, EMPTY = "#dfe4e9", "#ffffff", "#f4f6f8"

Value = Any  # uint8 [height, width, 3] or text


def store_modalities(store: Store, registry: Registry) -> dict[str, Modality]:
    """Build the modality of every column, as its values were packed."""
    return {
        name: registry.modality(column.kind)(kind=column.kind, **column.options).build()
        for name, column in store.columns.items()
    }


def draw_rows(store: Store, rows: Sequence[int], modalities: Mapping[str, Modality]) -> Image.Image:
    """Draw rows of a store with the values of all columns that have a modality."""
    columns = list(modalities)
    titles = [(column, store.column(column).kind) for column in columns]
    shown = _shown_values(store, rows, modalities)
    lines = [
        (_facts(store, row), [shown[column][place] for column in columns])
        for place, row in enumerate(rows)
    ]
    return draw_grid(titles, lines)


def draw_grid(
    titles: Sequence[tuple[str, str]],
    lines: Sequence[tuple[Sequence[str], Sequence[Value | None]]],
) -> Image.Image:
    """Draw a table of pictures and texts.

    `titles` are (name, kind) of the columns; a line is what stands beside it, and a value per
    column: uint8 [height, width, 3], text, or None where it is missing.
    """
    from PIL import Image, ImageDraw

    step = CELL + MARGIN
    width = ASIDE + len(titles) * step + MARGIN
    image = Image.new("RGB", (width, HEADER + len(lines) * step + MARGIN), PAPER)
    draw = ImageDraw.Draw(image)
    for number, (name, kind) in enumerate(titles):
        left = ASIDE + number * step
        _write(draw, name, (left, 8), size="title", width=CELL, most=1)
        if kind != name:
            _write(draw, kind, (left, 30), size="note", width=CELL, most=1)
    for number, (facts, values) in enumerate(lines):
        top = HEADER + number * step
        draw.line((MARGIN, top - MARGIN // 2, width - MARGIN, top - MARGIN // 2), fill=LINE)
        _draw_facts(draw, facts, top)
        for place, value in enumerate(values):
            _draw_value(image, draw, value, (ASIDE + place * step, top))
    return image


def save_rows(
    store: Store, rows: Sequence[int], modalities: Mapping[str, Modality], out: Path
) -> None:
    """Draw rows into a PNG file; raises StoreError where it cannot be written."""
    picture = draw_rows(store, rows, modalities)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        picture.save(out, format="PNG")
    except OSError as error:
        raise StoreError(
            f"{out}: could not write the picture: {error}; make room, or choose another --out"
        ) from error


def _shown_values(
    store: Store, rows: Sequence[int], modalities: Mapping[str, Modality]
) -> dict[str, list[Value | None]]:
    table = store.table
    shown: dict[str, list[Value | None]] = {}
    for column, modality in modalities.items():
        items = [int(table.items[column][row]) for row in rows]
        payloads = iter(store.read(column, [item for item in items if item >= 0]))
        shown[column] = [
            modality.show(modality.decode(next(payloads))) if item >= 0 else None for item in items
        ]
    return shown


def _facts(store: Store, row: int) -> list[str]:
    table = store.table
    facts = [f"row {row}"]
    if table.split[row] >= 0:
        facts.append(table.split_names[table.split[row]])
    if table.label[row] >= 0:
        facts.append(table.class_names[table.label[row]])
    if table.instance[row] >= 0:
        facts.append(f"instance {store.instance_names[table.instance[row]]}")
    return facts


def _draw_facts(draw: ImageDraw.ImageDraw, facts: Sequence[str], top: int) -> None:
    for number, fact in enumerate(facts):
        size = "text" if number == 0 else "note"
        place = (MARGIN, top)
        top += _write(draw, fact, place, size=size, width=ASIDE - 2 * MARGIN, most=4)


def _draw_value(
    image: Image.Image,
    draw: ImageDraw.ImageDraw,
    value: Value | None,
    place: tuple[int, int],
) -> None:
    left, top = place
    if value is None:
        draw.rounded_rectangle((left, top, left + CELL, top + CELL), 6, fill=EMPTY)
        middle = (left + CELL / 2, top + CELL / 2)
        font = font_for("missing", SIZES["note"])
        draw.text(middle, "missing", INKS["note"], font=font, anchor="mm")
    elif isinstance(value, str):
        most = CELL // (SIZES["text"] + LEADING)
        _write(draw, value, place, size="text", width=CELL, most=most)
    else:
        picture = _fitted_picture(value)
        offset = ((CELL - picture.width) // 2, (CELL - picture.height) // 2)
        image.paste(picture, (left + offset[0], top + offset[1]))


def _fitted_picture(value: np.ndarray[Any, Any]) -> Image.Image:
    from PIL import Image

    picture = Image.fromarray(value)
    scale = CELL / max(picture.size)
    size = tuple(max(1, round(side * scale)) for side in picture.size)
    # Few pixels are shown as such; more are smoothed.
    way = Image.Resampling.NEAREST if max(picture.size) < 32 else Image.Resampling.LANCZOS
    return picture.resize((size[0], size[1]), way).convert("RGB")


def _write(
    draw: ImageDraw.ImageDraw,
    text: str,
    place: tuple[int, int],
    *,
    size: str,
    width: int,
    most: int,
) -> int:
    """Write a text in lines that are not wider than `width`; gives the height it takes."""
    font = font_for(text, SIZES[size])
    height = SIZES[size] + LEADING
    lines = _wrapped(text, font, width, most)
    for number, line in enumerate(lines):
        draw.text((place[0], place[1] + number * height), line, INKS[size], font=font)
    return len(lines) * height


def _wrapped(text: str, font: Font, width: int, most: int) -> list[str]:
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]} …"]
    return [_fitted(line, font, width) for line in lines]


def _fitted(text: str, font: Font, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
