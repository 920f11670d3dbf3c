"""One category per picture of COCO, out of its annotated objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from polymodal_core.errors import PolymodalError

from polymodal_datasets.importers.cells import BadCell
from polymodal_datasets.importers.json_file import field_of, read_json, records


def largest_objects(folder: Path) -> Mapping[str, str]:
    """Give each picture's number the category of its object with the largest area, crowds apart.

    Of equal areas the first counts. Raises PolymodalError where `folder` has no
    `instances_*.json`, or names the record that is malformed.
    """
    paths = sorted(folder.glob("instances_*.json"))
    if not paths:
        raise PolymodalError(f"label = 'largest' needs any instances_*.json; {folder} has none")
    areas: dict[str, float] = {}
    labels: dict[str, str] = {}
    for path in paths:
        # Outlines take up most of these files, and nobody asks for them.
        lists = read_json(path, "categories", "annotations", without="segmentation")
        names: dict[int, str] = {}
        for origin, record in records(path, "categories", lists["categories"]):
            with _located(folder, origin):
                names[field_of(record, "id", int)] = field_of(record, "name", str)
        for origin, record in records(path, "annotations", lists["annotations"]):
            with _located(folder, origin):
                picture = str(field_of(record, "image_id", int))
                area = field_of(record, "area", (int, float))
                category = field_of(record, "category_id", int)
                if category not in names:
                    raise BadCell(f"category {category} is not among the categories of the file")
                if not record.get("iscrowd") and area > areas.get(picture, -1.0):
                    areas[picture], labels[picture] = area, names[category]
    return labels


@contextmanager
def _located(folder: Path, origin: str) -> Iterator[None]:
    try:
        yield
    except BadCell as error:
        raise PolymodalError(f"{folder / origin}: {error.message}") from None
