"""The segmentation task on maps made up in the test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from polymodal_eval.results import NotApplicable
from polymodal_eval.segmented_rows import SegmentedSplit, read_by
from polymodal_eval.tasks.classification_config import SegmentationTaskConfig

COUNT, SIZE = 10, 4
Maps = NDArray[np.int64]


def truth() -> Maps:
    return np.random.default_rng(0).integers(-1, 3, size=(COUNT, SIZE, SIZE))


class Table:
    instance = np.arange(12)

    def __len__(self) -> int:
        return 12


class Space:
    """What the task reads of a space."""

    split, seed, resamples = "test", 0, 50

    def __init__(self, segmented: SegmentedSplit | None) -> None:
        self.segmented = segmented
        self.embeddings = type("Embeddings", (), {"table": Table()})()

    def identify(self, column: str, item: int) -> str:
        return f"{column} {item}"


def split(count: int = COUNT) -> SegmentedSplit:
    actual = truth()[:count]

    def predict(
        uses: Mapping[str, Mapping[str, NDArray[np.bool_]]], places: Maps | None = None
    ) -> Iterator[tuple[Maps, dict[str, Maps]]]:
        # With depth all is right, without it all is class 0.
        for some in (np.arange(4), np.arange(4, count)):
            yield (
                some,
                {
                    name: np.where(use["depth"][some][:, None, None], actual[some], 0)
                    for name, use in uses.items()
                },
            )

    return SegmentedSplit(
        target="segmentation",
        visual="image",
        streams=("image",),
        classes=("a", "b", "c", "never"),
        columns=("image", "depth"),
        items={"image": np.arange(count), "depth": np.arange(count)},
        truths=np.arange(count),
        places=np.arange(count) + (12 - COUNT),
        predict=predict,
        actual=lambda places: actual[places],
        colour=lambda found: np.zeros((*found.shape, 3), np.uint8),
    )


def run(space: Any, **options: Any) -> Any:
    return SegmentationTaskConfig(**options).build()(space)


def test_rows_streams_and_missing_auxiliaries() -> None:
    result = run(Space(split()))
    found = {item.query: item for item in result.measurements}
    assert list(found) == ["row", "image", "row, 50 % without depth", "row, 100 % without depth"]
    row, image = found["row"], found["image"]
    assert row.estimates["mean_iou"].value == 1
    actual = truth()
    share = float((actual == 0).sum() / (actual >= 0).sum())
    assert image.estimates["pixel_accuracy"].value == pytest.approx(share)
    assert image.estimates["mean_iou"].value == pytest.approx(share / 3)  # of three classes
    (gain,) = row.gains
    assert gain.difference.value == pytest.approx(1 - share / 3)
    assert gain.difference.distinguishable
    assert found["row, 100 % without depth"].gains[0].difference.value == 0
    assert row.num_left_out == 2
    assert [item["name"] for item in row.details["segmented"]] == ["a", "b", "c"]
    assert row.queries is not None
    assert row.queries.instance.tolist() == list(range(2, 12))
    assert row.queries.id[0] == "segmentation 0"
    half = found["row, 50 % without depth"].queries
    assert half is not None
    assert int((half.score == 1).sum()) == 5


def test_columns_to_remove_are_chosen() -> None:
    result = run(Space(split()), remove=(), missing=(1.0,))
    assert [item.query for item in result.measurements] == ["row", "image"]


def test_what_does_not_apply_is_said() -> None:
    with pytest.raises(NotApplicable, match="predicts no label maps"):
        run(Space(None))
    with pytest.raises(NotApplicable, match="no row of split 'test' has a 'segmentation'"):
        run(Space(split(0)))


def test_what_a_row_is_read_by() -> None:
    segmenter: Any = split()
    assert read_by(segmenter, ["image", "depth"]) == ("image", "depth")
    assert read_by(segmenter, ["image"]) == ("image",)
    assert read_by(segmenter, ["depth"]) == ()
    assert read_by(segmenter, []) == ()
