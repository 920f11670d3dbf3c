from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from polymodal_datasets.rooms.__main__ import main
from polymodal_datasets.rooms.world import rooms


def test_speed_is_printed_and_a_sheet_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sheet.png"
    arguments = ["--rooms", "8", "--step", "2", "--size", "16", "--sheet", str(path)]
    monkeypatch.setattr(sys, "argv", ["rooms", *arguments])
    main()
    assert re.search(r"8 rooms of 16 px .* \d+ rooms/s .* ms of processor", capsys.readouterr().out)
    sheet = np.asarray(Image.open(path))
    assert sheet.shape == (36, 76, 3)
    [second] = rooms(np.array([2]), size=16)
    assert second.images is not None
    np.testing.assert_array_equal(sheet[:16, 20:36], second.images[0])
