from __future__ import annotations

import gc
import os
import pickle
import shutil
import threading
from pathlib import Path

import lmdb
import pytest
from polymodal_core.errors import StoreError
from polymodal_datasets import handles
from polymodal_datasets.handles import check_size, read_handle
from polymodal_datasets.store import Store

from .processes import forked


def test_one_environment_per_process_and_file(packed: Path, tmp_path: Path) -> None:
    """LMDB itself refuses to open a file twice."""
    first, second = Store(packed), Store(packed)
    link = tmp_path / "link"
    link.symlink_to(packed)
    assert first.read("caption", [0]) == second.read("caption", [0])
    assert Store(link).read("caption", [0]) == first.read("caption", [0])
    with pytest.raises(lmdb.Error, match="already open"):
        lmdb.open(str(packed), readonly=True, lock=False)


def test_the_environment_is_closed_when_the_last_store_is_gone(packed: Path) -> None:
    first, second = Store(packed), Store(packed)
    first.read("caption", [0])
    second.read("caption", [0])
    del first
    gc.collect()
    assert second.read("caption", [0])
    del second
    gc.collect()
    lmdb.open(str(packed), readonly=True, lock=False).close()


def test_many_threads_open_one_environment(packed: Path) -> None:
    barrier = threading.Barrier(8)
    read: list[bytes] = []

    def open_and_read() -> None:
        barrier.wait()
        read.extend(Store(packed).read("caption", [3]))

    threads = [threading.Thread(target=open_and_read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == Store(packed).read("caption", [3]) * 8


def test_a_forked_child_opens_its_own(packed: Path) -> None:
    store = Store(packed)
    expected = store.read("caption", [5])
    parent = store._handle

    def child() -> None:
        assert store.read("caption", [5]) == expected
        assert store._handle is not parent
        assert store._handle is not None
        assert store._handle.pid == os.getpid()
        assert Store(packed).read("caption", [5]) == expected
        assert pickle.loads(pickle.dumps(store)).read("caption", [5]) == expected

    assert forked(child) == 0
    assert store._handle is parent  # and the parent reads on
    assert store.read("caption", [5]) == expected


def test_a_fork_while_another_thread_opens_does_not_hang(packed: Path) -> None:
    with handles._lock:
        assert forked(lambda: Store(packed).read("caption", [0])) == 0


def test_a_store_that_was_replaced_is_opened_anew(packed: Path, tmp_path: Path) -> None:
    path = tmp_path / "s"
    shutil.copytree(packed, path)
    old = Store(path)
    expected = old.read("caption", [0])
    shutil.rmtree(path)
    shutil.copytree(packed, path)
    assert Store(path).read("caption", [0]) == expected
    assert old.read("caption", [0]) == expected  # the deleted file is still mapped


def test_sizes_are_compared_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"data\.mdb is missing"):
        check_size(tmp_path, 10)
    (tmp_path / "data.mdb").write_bytes(b"12345")
    check_size(tmp_path, 5)
    with pytest.raises(StoreError, match="has 5 bytes where 10 were packed"):
        read_handle(tmp_path, size=10)


def test_a_file_that_is_no_environment(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"x" * 8192)
    with pytest.raises(StoreError, match="cannot be opened"):
        read_handle(tmp_path, size=8192)
