from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from polymodal_core.errors import StoreError
from polymodal_core.rows import BadRow, Row
from polymodal_datasets import working_folder
from polymodal_datasets.pack import pack
from polymodal_datasets.store import Store
from polymodal_datasets.verify import verify
from polymodal_datasets.working_folder import check_free, locked

from .fakes import FakeImporter, captioned, fake_registry
from .processes import forked


def test_two_packs_on_one_output(tmp_path: Path) -> None:
    out = tmp_path / "s"

    class Slow(FakeImporter):
        def rows(self) -> Iterator[Row | BadRow]:
            for number, entry in enumerate(self.entries):
                if number == 10:
                    assert forked(refused) == 0  # a second process, while this one is packing
                yield entry

    def refused() -> None:
        with pytest.raises(StoreError, match="another process is packing into"):
            pack(FakeImporter(captioned(3)), out, registry=fake_registry(), restart=True)

    pack(Slow(captioned(10)), out, registry=fake_registry())
    assert verify(Store(out)) == []


def test_the_lock_of_a_killed_pack_is_free(tmp_path: Path) -> None:
    def die() -> None:
        with locked(tmp_path / "s"):
            os.kill(os.getpid(), signal.SIGKILL)

    assert forked(die) == -signal.SIGKILL
    with locked(tmp_path / "s") as folder:
        assert folder == tmp_path / "s.partial"


def test_a_lock_that_was_renamed_away_with_the_store_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first pack finishes between the second's opening of the lock and its locking."""
    out = tmp_path / "s"
    acquire = working_folder._acquire

    def delayed(lock: IO[str], folder: Path) -> None:
        monkeypatch.setattr(working_folder, "_acquire", acquire)
        pack(FakeImporter(captioned(3)), out, registry=fake_registry())
        acquire(lock, folder)

    monkeypatch.setattr(working_folder, "_acquire", delayed)
    with pytest.raises(StoreError, match="another process is packing"):
        pack(FakeImporter(captioned(3)), out, registry=fake_registry())
    assert verify(Store(out)) == []


def test_what_exists_is_refused(tmp_path: Path) -> None:
    check_free(tmp_path / "new")
    (tmp_path / "empty").mkdir()
    check_free(tmp_path / "empty")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="exists and is no store"):
        check_free(tmp_path / "file")
    with pytest.raises(StoreError, match="exists and is no store"):
        check_free(tmp_path)
    (tmp_path / "store.json").write_text("{}")
    with pytest.raises(StoreError, match="holds a store already"):
        check_free(tmp_path)
