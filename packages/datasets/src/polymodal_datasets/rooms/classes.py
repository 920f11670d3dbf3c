"""The 80 classes of the rooms world, and which 20 of them are held out."""

from __future__ import annotations

from dataclasses import dataclass

SHAPES = ("sphere", "cube", "cylinder", "cone", "ring", "pyramid")
COLOURS = ("red", "orange", "yellow", "green", "turquoise", "blue", "purple", "pink")
WALLS = ("white", "yellow", "green", "blue", "pink")
FLOORS = ("wooden", "checkered", "tiled", "carpeted")
MATERIALS = ("matte", "shiny", "metal", "striped")

# One line per shape of the large object, one cell per colour of it (in the order of COLOURS): the
# first letter of the walls, the first two of the floor, a star where the class is held out.
# Made by simulated annealing so that walls and floors are balanced, no object has the colour of
# its walls, any two classes differ in two attributes at least, and the held-out classes take
# their share of every value.
_TABLE = (
    ("sphere", "pwo gwo pti pch ych* gti bwo bca"),
    ("cube", "pti ych pca yti pwo gca gch wch"),
    ("cylinder", "ywo yca gwo* wwo bwo pti* wti wca"),
    ("cone", "pch* bti gca* wch pti pca bch yca"),
    ("ring", "gch* wti pch yca* yti wwo bca gwo"),
    ("pyramid", "pca yti bch wti gti wch* pwo* ywo"),
    ("sphere", "bti bch* wch ywo* wca yca gca wti*"),
    ("cube", "bca* wwo* gti bwo* bch ywo wca bti*"),
    ("cylinder", "gca pch bca bti pca* gch ych gti*"),
    ("cone", "wwo wca* bwo pwo gwo ych yti* gch"),
)


@dataclass(frozen=True)
class RoomClass:
    """What all rooms of a class share: the large object's shape and colour, walls and floor."""

    shape: str
    colour: str
    walls: str
    floor: str
    held_out: bool

    @property
    def name(self) -> str:
        """A phrase that fits into a prompt, such as "a picture of {name}"."""
        return (
            f"a room with a large {self.colour} {self.shape}, {self.walls} walls "
            f"and a {self.floor} floor"
        )


def _read_table() -> tuple[RoomClass, ...]:
    walls = {name[0]: name for name in WALLS}
    floors = {name[:2]: name for name in FLOORS}
    return tuple(
        RoomClass(shape, colour, walls[cell[0]], floors[cell[1:3]], held_out=cell.endswith("*"))
        for shape, cells in _TABLE
        for colour, cell in zip(COLOURS, cells.split(), strict=True)
    )


CLASSES = _read_table()
CLASS_NAMES = tuple(room_class.name for room_class in CLASSES)
HELD_OUT = tuple(index for index, room_class in enumerate(CLASSES) if room_class.held_out)
