"""The segmentation objective against loops over Python floats."""

from __future__ import annotations

import math

import pytest
import torch
from polymodal_core.objective import JOINT, MapsWanted, maps_wanted, takes
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.segmentation import Segmentation, class_weights
from polymodal_losses.segmentation_config import SegmentationObjectiveConfig
from pydantic import ValidationError
from torch import Tensor, nn

COLUMNS = ["image", "depth", "text"]
WIDTHS = dict.fromkeys(COLUMNS, 6)
PIXELS = [400, 100, 0, 25]
BATCH, SIZE = 7, 8
TARGET = "segmentation"


def objective(**options: object) -> Segmentation:
    torch.manual_seed(0)
    given: dict[str, object] = {"streams": {"depth": 0.5}, "joint": 1.5, "channels": 4, **options}
    return Segmentation(
        COLUMNS,
        widths=WIDTHS,
        target=TARGET,
        size=SIZE,
        pixels=PIXELS,
        **given,  # type: ignore[arg-type]
    ).double()


Case = tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor], Tensor]


def case(seed: int) -> Case:
    generator = torch.Generator().manual_seed(seed)
    z = {name: torch.zeros(BATCH, 3, dtype=torch.float64) for name in COLUMNS}
    present = {name: torch.rand(BATCH, generator=generator) < 0.6 for name in COLUMNS}
    maps = {
        name: torch.randn(BATCH, 6, 3, 3, generator=generator, dtype=torch.float64)
        for name in ("image", "depth", JOINT)
    }
    known = torch.randint(-1, 4, (BATCH, SIZE, SIZE), generator=generator)
    known[0] = -1  # a row without a map
    return z, present, maps, known


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_total_parts_and_counts(seed: int, balance: float) -> None:
    z, present, maps, known = case(seed)
    loss = objective(balance=balance)
    output = loss(z, present=present, maps=maps, targets={TARGET: known})
    # The median of the counts that are not 0 is 100.
    weights = [(100 / count) ** balance if count else 1.0 for count in PIXELS]
    total = 0.0
    for name, weight in {"image": 1.0, "depth": 0.5, JOINT: 1.5}.items():
        rows = []
        for row in range(BATCH):
            several = sum(bool(present[c][row]) for c in COLUMNS) > 1
            held = present["image"][row] and several if name == JOINT else present[name][row]
            if held and bool((known[row] >= 0).any()):
                rows.append(row)
        above = below = 0.0
        pixels = 0
        decoder = loss.whole if name == JOINT else loss.decoders[loss.streams.index(name)]
        assert isinstance(decoder, nn.Module)
        for row in rows:
            scores = decoder(maps[name][row : row + 1], size=SIZE)[0]
            for y in range(SIZE):
                for x in range(SIZE):
                    label = int(known[row, y, x])
                    if label >= 0:
                        values = [float(scores[k, y, x]) for k in range(4)]
                        norm = math.log(sum(math.exp(value) for value in values))
                        above += weights[label] * (norm - values[label])
                        below += weights[label]
                        pixels += 1
        mean = above / below if rows else 0.0
        assert float(output.parts[name, TARGET]) == pytest.approx(mean, abs=1e-7)
        assert int(output.anchors[name, TARGET]) == len(rows)
        assert int(output.pixels[name, TARGET]) == pixels
        total += weight * mean
    assert float(output.total) == pytest.approx(total, abs=1e-7)


def test_gradients_are_those_of_finite_differences() -> None:
    z, present, maps, known = case(1)
    loss = objective()
    names = list(maps)
    given = [maps[name].requires_grad_() for name in names]

    def total(*found: Tensor) -> Tensor:
        named = dict(zip(names, found, strict=True))
        output = loss(z, present=present, maps=named, targets={TARGET: known})
        result: Tensor = output.total
        return result

    assert torch.autograd.gradcheck(total, given, eps=1e-6, atol=1e-5)


def test_without_maps_or_targets_in_a_batch_it_is_zero_with_a_graph() -> None:
    z, present, maps, known = case(2)
    loss = objective()
    for given, targets in (({}, {TARGET: known}), (maps, {}), (maps, {TARGET: 0 * known - 1})):
        output = loss(z, present=present, maps=given, targets=targets)
        output.total.backward()
        assert float(output.total) == 0
        assert not any(int(count) for count in output.anchors.values())


def test_what_is_wrong_is_said() -> None:
    z, present, maps, known = case(3)
    loss = objective()
    with pytest.raises(ObjectiveError, match="targets is None"):
        loss(z, present=present, maps=maps)
    with pytest.raises(ObjectiveError, match="a target pixel is 9; there are 4 classes"):
        loss(z, present=present, maps=maps, targets={TARGET: known.clamp(min=9)})
    with pytest.raises(ObjectiveError, match="wanted integers"):
        loss(z, present=present, maps=maps, targets={TARGET: known.double()})
    with pytest.raises(ObjectiveError, match="'text' has no decoder of its own"):
        loss.segment(["text"], maps["image"])
    with pytest.raises(ObjectiveError, match="streams names 'deep'"):
        objective(streams={"deep": 1.0})
    with pytest.raises(ObjectiveError, match="visual names 'picture'"):
        objective(visual="picture")


def test_one_column_is_read_by_its_own_decoder() -> None:
    loss = objective()
    maps = case(0)[2]["image"]
    alone, whole = loss.segment(["image"], maps), loss.segment(["image", "text"], maps)
    assert alone.shape == whole.shape == (BATCH, 4, SIZE, SIZE)
    assert not torch.allclose(alone, whole)
    single = Segmentation(["image"], widths=WIDTHS, target=TARGET, size=SIZE, pixels=PIXELS)
    assert single.whole is None
    assert maps_wanted(nn.Sequential(single)) == MapsWanted(("image",), "image")
    assert all(takes(single, name) for name in ("maps", "targets", "compare"))


def test_class_weights() -> None:
    assert class_weights(PIXELS, 0.0).tolist() == [1.0] * 4
    assert class_weights(PIXELS, 1.0).tolist() == pytest.approx([0.25, 1.0, 1.0, 4.0])


def test_configuration() -> None:
    config = SegmentationObjectiveConfig(streams={"depth": 0.5})
    assert config.terms(COLUMNS) == [("image", TARGET), ("depth", TARGET), (JOINT, TARGET)]
    assert config.terms(["image"]) == [("image", TARGET)]
    spec = {TARGET: {"size": SIZE, "pixels": PIXELS}}
    built = config.build(columns=COLUMNS, widths=WIDTHS, targets=spec)
    assert built.streams == ("image", "depth")
    with pytest.raises(ObjectiveError, match=r"no target column 'segmentation'.*add a table"):
        config.build(columns=COLUMNS, widths=WIDTHS, targets={})
    with pytest.raises(ValidationError, match="greater than 0"):
        SegmentationObjectiveConfig(streams={"depth": 0.0})
