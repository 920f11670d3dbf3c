"""Trees in the layout of CUB-200-2011, small."""

from __future__ import annotations

from pathlib import Path

from .reading import touch, write

NAMES = ("001.Black_footed_Albatross", "002.Laysan_Albatross", "010.Red_winged_Blackbird")


def picture(number: int, name: int) -> str:
    return f"{NAMES[name]}/{NAMES[name][4:]}_{number:04d}.jpg"


PICTURES = [picture(number, name) for name in range(3) for number in (1, 2)]


def images(root: Path) -> Path:
    """Pictures, their list, classes: two pictures of each of three classes."""
    tree = root / "CUB_200_2011"
    touch(tree / "images", *PICTURES)
    numbered(tree / "images.txt", PICTURES)
    numbered(tree / "image_class_labels.txt", ["1", "1", "2", "2", "10", "10"])
    write(tree / "classes.txt", "".join(f"{int(name[:3])} {name}\n" for name in NAMES))
    return tree


def numbered(path: Path, texts: list[str], *, first: int = 1) -> None:
    write(path, "".join(f"{first + place} {text}\n" for place, text in enumerate(texts)))


def class_attributes(tree: Path, *, classes: int = 10) -> None:
    """Three percentages per class: its number, 50, 100."""
    lines = "".join(f"{number}.0 50.0 100.0\n" for number in range(1, classes + 1))
    write(tree / "attributes" / "class_attribute_labels_continuous.txt", lines)


def image_attributes(tree: Path, lines: list[str]) -> None:
    write(tree / "attributes" / "image_attribute_labels.txt", "".join(f"{x}\n" for x in lines))


def two_attributes(tree: Path) -> None:
    """Of picture n: the first present with certainty 4, the second with n modulo 4 plus 1."""
    image_attributes(
        tree,
        [
            line
            for number in range(1, 7)
            for line in (f"{number} 1 1 4 5.7", f"{number} 2 1 {number % 4 + 1} 0 1.5")
        ],
    )


def captions(folder: Path) -> None:
    for path in PICTURES[:5]:
        name = Path(path).with_suffix(".txt")
        write(folder / name, f"a bird of {name.parent}\nthis bird\n\n")
