"""The package as a user meets it: light to import, and usable alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polymodal_datasets
import pytest

ROOT = Path(__file__).parents[2]
FOREIGN = (
    "timm", "transformers", "torchaudio", "torchvision", "sklearn", "matplotlib",
    "polymodal_eval", "polymodal_image", "polymodal_text", "polymodal_depth", "polymodal_losses",
)  # fmt: skip

USE = """
from pathlib import Path
from tests.datasets.fakes import *
from polymodal_datasets import DataConfig, Store, load_batches, make_splits
from polymodal_datasets.pack import pack
from polymodal_datasets.verify import verify
pack(FakeImporter(captioned(9)), Path(PATH), registry=fake_registry())
store = Store(PATH)
assert verify(store) == []
splits = make_splits(store, DataConfig(store=PATH, validation_size=2), 0)
modalities = {"picture": TileModality(), "caption": NoteModality()}
batches = load_batches(store, splits.train, modalities, batch_size=4, seed=0, epoch=0)
print(sum(batch.size for batch in batches))
"""


def run(code: str, *, blocked: tuple[str, ...] = ()) -> str:
    block = "".join(f"sys.modules[{name!r}] = None\n" for name in blocked)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{block}{code}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_public_names() -> None:
    for name in polymodal_datasets.__all__:
        assert getattr(polymodal_datasets, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'Stroe'"):
        _ = polymodal_datasets.Stroe


def test_packs_and_loads_without_any_other_package(tmp_path: object) -> None:
    assert int(run(USE.replace("PATH", repr(f"{tmp_path}/s")), blocked=FOREIGN)) > 0


def test_reading_a_store_needs_no_torch(packed: object) -> None:
    code = (
        f"from polymodal_datasets import Store; store = Store({str(packed)!r}); store.describe(); "
        "store.read('caption', [0]); print('torch' in sys.modules, 'pydantic' in sys.modules)"
    )
    assert run(code) == "False False\n"
