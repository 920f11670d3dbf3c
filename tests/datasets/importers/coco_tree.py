"""Trees in the layout of COCO, small."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .reading import touch, write


def dump(path: Path, content: Any) -> Path:
    return write(path, json.dumps(content))


def file_of(number: int, part: str, year: int) -> str:
    return f"{number:012d}.jpg" if year == 2017 else f"COCO_{part}{year}_{number:012d}.jpg"


def official(root: Path, part: str, year: int, numbers: list[int], *, captions: int = 2) -> Path:
    """Annotations and pictures of one part: caption 10 * n + i of picture n."""
    touch(root / f"{part}{year}", *(file_of(number, part, year) for number in numbers))
    images = [{"id": n, "file_name": file_of(n, part, year)} for n in numbers]
    annotations = [
        {"image_id": n, "id": 10 * n + i, "caption": f" caption {i} of {n}. "}
        for n in numbers
        for i in range(captions)
    ]
    path = root / "annotations" / f"captions_{part}{year}.json"
    return dump(path, {"info": {}, "images": images, "annotations": annotations})


def karpathy_picture(number: int, part: str, split: str, *, captions: int = 2) -> dict[str, Any]:
    return {
        "filepath": f"{part}2014",
        "filename": file_of(number, part, 2014),
        "cocoid": number,
        "imgid": number,
        "split": split,
        "sentids": [100 * number + i for i in range(captions)],
        "sentences": [
            {"tokens": [], "raw": f"sentence {i} of {number}", "sentid": 100 * number + i}
            for i in range(captions)
        ],
    }


def karpathy(root: Path) -> Path:
    pictures = [
        karpathy_picture(1, "train", "train"),
        karpathy_picture(2, "val", "restval"),
        karpathy_picture(3, "val", "val"),
        karpathy_picture(4, "val", "test"),
    ]
    touch(root / "train2014", file_of(1, "train", 2014))
    touch(root / "val2014", *(file_of(number, "val", 2014) for number in (2, 3, 4)))
    return dump(root / "dataset_coco.json", {"images": pictures, "dataset": "coco"})


def instances(root: Path, part: str, year: int, annotations: list[dict[str, Any]]) -> None:
    categories = [{"id": 1, "name": "person"}, {"id": 2, "name": "traffic light"}]
    content = {"categories": categories, "annotations": annotations}
    dump(root / "annotations" / f"instances_{part}{year}.json", content)


def instance(picture: int, category: int, area: float, *, crowd: int = 0) -> dict[str, Any]:
    return {
        "image_id": picture,
        "category_id": category,
        "area": area,
        "iscrowd": crowd,
        "segmentation": [[0.0, 1.0]],
    }
