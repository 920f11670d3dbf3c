from __future__ import annotations

import gzip
import struct
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import PolymodalError
from polymodal_core.rows import Importer
from polymodal_core.testing import check_importer
from polymodal_datasets.importers.fsdd_rows import DIGITS
from polymodal_datasets.importers.mnist_fsdd import MnistFsddConfig

from .reading import rows_of, split_rows, touch
from .sounds import record

TRAIN, TEST, INDICES = 40, 12, 12


def write_idx(path: Path, values: np.ndarray) -> None:
    shape = struct.pack(f">{values.ndim}I", *values.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(bytes([0, 0, 8, values.ndim]) + shape + values.tobytes()))


def mnist(root: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    found = {}
    for part, count in (("train", TRAIN), ("t10k", TEST)):
        labels = (np.arange(count) % 4).astype(np.uint8)
        pictures = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
        write_idx(root / f"{part}-images-idx3-ubyte.gz", pictures)
        write_idx(root / f"{part}-labels-idx1-ubyte.gz", labels)
        found[part] = (pictures, labels)
    return found


def names(*speakers: str) -> list[str]:
    return [
        f"recordings/{digit}_{speaker}_{index}.wav"
        for digit in range(4)
        for speaker in speakers
        for index in range(INDICES)
    ]


def build(root: Path, **options: Any) -> Importer:
    given = {"mnist": root, "fsdd": root, "unseen": ("cy",), **options}
    return MnistFsddConfig(**given).build()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    mnist(tmp_path)
    touch(tmp_path, *names("ann", "bob", "cy"))
    return tmp_path


def test_a_row_holds_two_of_one_digit_and_nothing_else_joins_it(root: Path) -> None:
    importer = build(root)
    rows = rows_of(importer)
    assert importer.total == len(rows) == TRAIN + 2 * TEST
    pictures = mnist(root)
    for row in rows:
        part, place = row.items["image"].id.split("/")
        grey, label = pictures[part][0][int(place)], pictures[part][1][int(place)]
        assert row.items["image"].value.shape == (28, 28, 3)
        assert (row.items["image"].value == grey[..., None]).all()
        assert row.label == DIGITS[label] == row.items["word"].value
        assert row.items["speech"].value.startswith(f"{label}_")
        assert row.instance is None
    assert {name: column.of_classes for name, column in importer.columns.items()} == {
        "image": False,
        "speech": False,
        "word": True,
        "prototypes": True,
    }


def test_no_picture_and_no_recording_of_training_is_met_again(root: Path) -> None:
    used: dict[str, dict[str, set[str]]] = {"image": defaultdict(set), "speech": defaultdict(set)}
    for row in rows_of(build(root, pairs=3)):
        for column, of_split in used.items():
            of_split[row.split].add(row.items[column].id)
    assert set(used["image"]) == {"train", "validation", "test", "unseen"}
    for column, of_split in used.items():
        for split in ("validation", "test", "unseen"):
            assert not of_split["train"] & of_split[split], column
            assert not of_split["validation"] & (of_split["test"] | of_split["unseen"])
    assert used["image"]["test"] == used["image"]["unseen"]
    assert len(used["image"]["validation"]) == round(0.1 * TRAIN)
    assert all("_cy_" in name for name in used["speech"]["unseen"])
    assert not any("_cy_" in name for name in used["speech"]["train"] | used["speech"]["test"])


def test_a_picture_has_as_many_rows_as_asked(root: Path) -> None:
    rows = rows_of(build(root, pairs=3))
    train = Counter(row.items["image"].id for row in rows if row.split == "train")
    assert set(train.values()) == {3}
    spoken = Counter(row.items["speech"].id for row in rows if row.split == "train")
    assert max(spoken.values()) - min(spoken.values()) <= 9
    assert len(spoken) == 4 * 2 * 2  # what test and validation leave of twelve


def test_prototypes_are_means_of_the_training_pictures(root: Path) -> None:
    pictures, labels = mnist(root)["train"]
    for row in rows_of(build(root)):
        digit = DIGITS.index(str(row.label))
        mean = pictures[labels == digit].astype(float).mean(axis=0) / 255
        expected = [
            mean[2 * line : 2 * line + 2, 2 * place : 2 * place + 2].mean()
            for line in range(14)
            for place in range(14)
        ]
        np.testing.assert_allclose(row.items["prototypes"].value, expected, rtol=1e-6)


def test_the_pairing_is_drawn_by_the_seed(root: Path) -> None:
    def pairs(seed: int) -> list[tuple[str, str]]:
        rows = rows_of(build(root, seed=seed))
        return [(row.items["image"].id, row.items["speech"].id) for row in rows]

    assert pairs(0) == pairs(0)
    assert pairs(0) != pairs(1)


def test_recordings_whose_names_say_nothing_are_bad_rows(root: Path) -> None:
    touch(root, "recordings/hello.wav")
    rows, bad = split_rows(build(root))
    assert [row.origin for row in bad] == ["hello.wav"]
    assert len(rows) == TRAIN + 2 * TEST


def test_what_cannot_be_used_is_refused(root: Path) -> None:
    with pytest.raises(PolymodalError, match=r"has no train-images-idx3-ubyte\.gz, nor"):
        build(root, mnist=root / "recordings")
    with pytest.raises(PolymodalError, match="no such folder"):
        build(root, fsdd=root / "nowhere")
    with pytest.raises(PolymodalError, match="has no speaker 'dora'"):
        build(root, unseen=("dora",))
    write_idx(root / "train-labels-idx1-ubyte.gz", np.full(TRAIN, 17, np.uint8))
    with pytest.raises(PolymodalError, match="a label of 'train' is 17; wanted 0 to 9"):
        build(root)
    write_idx(root / "train-labels-idx1-ubyte.gz", np.full(TRAIN, 9, np.uint8))
    with pytest.raises(PolymodalError, match="finds a recording of its digit for 'train'"):
        build(root)
    write_idx(root / "train-labels-idx1-ubyte.gz", np.zeros(3, np.uint8))
    with pytest.raises(
        PolymodalError, match=r"pictures \[40, 28, 28\] and labels \[3\] of 'train'"
    ):
        build(root)


def test_contract(tmp_path: Path) -> None:
    mnist(tmp_path)
    record(tmp_path, *names("ann", "cy"))
    config = MnistFsddConfig(mnist=tmp_path, fsdd=tmp_path, unseen=("cy",), pairs=2)
    check_importer(config)


def test_the_shared_subset(shared_data: Path) -> None:
    config = MnistFsddConfig(mnist=shared_data / "mnist", fsdd=shared_data / "fsdd")
    importer = config.build()
    counts = Counter(row.split for row in rows_of(importer))
    assert counts == {"train": 6300, "validation": 700, "test": 1000, "unseen": 1000}
