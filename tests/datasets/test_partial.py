"""Packs that are interrupted: killed, out of space, begun differently, or begun twice."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import StoreError
from polymodal_core.rows import BadRow, Item, Row
from polymodal_datasets import packer
from polymodal_datasets import partial as partial_module
from polymodal_datasets.pack import PackReport, pack
from polymodal_datasets.store import Store
from polymodal_datasets.verify import verify

from .fakes import FakeImporter, captioned, contents, fake_registry, tile
from .processes import forked

ENTRIES = captioned(30)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packer, "CHUNK_VALUES", 20)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("unbroken") / "s"
    pack_all(out)
    return {**contents(Store(out)), "bad": (out / "bad_rows.jsonl").read_text()}


def pack_all(out: Path, *, seconds: float = 0.0, entries: Any = ENTRIES) -> PackReport:
    return pack(FakeImporter(entries, seconds=seconds), out, registry=fake_registry(), workers=2)


def assert_equals(out: Path, unbroken: dict[str, Any]) -> None:
    store = Store(out)
    assert {**contents(store), "bad": (out / "bad_rows.jsonl").read_text()} == unbroken
    assert sorted(item.name for item in out.iterdir()) == [
        "bad_rows.jsonl",
        "data.mdb",
        "store.json",
    ]
    assert not out.with_name("s.partial").exists()


def test_killed_at_random_moments(tmp_path: Path, unbroken: dict[str, Any]) -> None:
    out = tmp_path / "s"
    rng = np.random.default_rng(os.getpid())
    for attempt in range(100):
        # Later and later, so that a busy machine comes to the end as well.
        moment = rng.uniform(0.005, 0.03) * (1 + attempt)
        code = forked(lambda: pack_all(out, seconds=0.0002), kill_after=moment)
        assert code in (0, -signal.SIGKILL)
        if out.exists():
            break
        # At no moment is there half a store.
        with pytest.raises(StoreError, match="no store here"):
            Store(out)
    assert attempt >= 1
    store = Store(out)
    assert {**contents(store), "bad": (out / "bad_rows.jsonl").read_text()} == unbroken
    assert verify(store) == []


def kill_at(name: str, call: int, *, after: bool) -> Callable[[pytest.MonkeyPatch], None]:
    """Die before or after the n-th call of a function of `partial`."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        owner: Any = partial_module
        *path, last = name.split(".")
        for part in path:
            owner = getattr(owner, part)
        original = getattr(owner, last)
        calls = 0

        def dying(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == call and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = original(*args, **kwargs)
            if calls == call and after:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        monkeypatch.setattr(owner, last, dying)

    return patch


MOMENTS = {
    "with the folder made": ("_clear", 1, False),
    "before the environment is made": ("_open", 1, False),
    "with an empty environment": ("_open", 1, True),
    "before the first commit": ("PartialStore.commit", 1, False),
    "after the first commit": ("PartialStore.commit", 1, True),
    "within the fifth commit": ("PartialStore._write", 5, False),
    "before bad rows are listed": ("PartialStore.write_lines", 1, False),
    "after bad rows are listed": ("PartialStore.write_lines", 1, True),
    "before store.json": ("PartialStore.publish", 1, False),
    "with everything in place": ("Path.rename", 1, False),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_a_given_moment(
    moment: str, tmp_path: Path, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "s"
    name, call, after = MOMENTS[moment]
    with monkeypatch.context() as patched:
        kill_at(name, call, after=after)(patched)
        assert forked(lambda: pack_all(out)) == -signal.SIGKILL
    assert not out.exists()
    pack_all(out)
    assert_equals(out, unbroken)


def test_killed_after_the_renaming_the_store_is_whole(
    tmp_path: Path, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        kill_at("Path.rename", 1, after=True)(patched)
        assert forked(lambda: pack_all(tmp_path / "s")) == -signal.SIGKILL
    store = Store(tmp_path / "s")
    assert contents(store)["fingerprint"] == unbroken["fingerprint"]
    assert verify(store) == []
    with pytest.raises(StoreError, match="holds a store already"):
        pack_all(tmp_path / "s")


def interrupted(out: Path) -> None:
    """Leave a pack that died after some commits."""

    def die() -> None:
        def entries() -> Any:
            yield from ENTRIES[:70]
            time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGKILL)

        class Dying(FakeImporter):
            def rows(self) -> Any:
                return entries()

        source = {"importer": "FakeImporter"}
        pack(Dying(ENTRIES), out, registry=fake_registry(), source=source, workers=1)

    assert forked(die) == -signal.SIGKILL


def test_what_was_committed_is_not_packed_again(tmp_path: Path) -> None:
    interrupted(tmp_path / "s")
    report = pack_all(tmp_path / "s")
    assert 20 <= report.resumed < 70


def test_other_raw_data_are_refused(tmp_path: Path) -> None:
    interrupted(tmp_path / "s")
    first = ENTRIES[0]
    assert isinstance(first, Row)
    changed = [Row({"caption": Item("0#0", "edited")}, origin=first.origin), *ENTRIES[1:]]
    with pytest.raises(StoreError, match="raw data have changed"):
        pack_all(tmp_path / "s", entries=changed)
    with pytest.raises(StoreError, match="raw data have changed"):
        pack_all(tmp_path / "s", entries=ENTRIES[:5])
    pack_all(tmp_path / "s")  # and refusing has harmed nothing


def test_other_options_are_refused_and_restart_drops_the_rest(tmp_path: Path) -> None:
    out = tmp_path / "s"
    interrupted(out)

    def again(**options: Any) -> PackReport:
        source = options.pop("source", {"importer": "FakeImporter"})
        return pack(FakeImporter(ENTRIES), out, registry=fake_registry(), source=source, **options)

    with pytest.raises(StoreError, match=r"columns\.caption\.options\.upper was None, now True"):
        again(options={"caption": {"upper": True}})
    with pytest.raises(StoreError, match=r"source\.seed was None, now 1"):
        again(source={"importer": "FakeImporter", "seed": 1})
    report = again(options={"caption": {"upper": True}}, restart=True)
    assert report.resumed == 0
    assert Store(out).read("caption", [0]) == [b"TEXT 0"]


@pytest.mark.parametrize("limit", [0, 3_000, 20_000, 50_000, 90_000])
def test_a_full_disk_leaves_a_pack_that_can_go_on(
    limit: int, tmp_path: Path, unbroken: dict[str, Any]
) -> None:
    """A limit on the size of files fails in the same places as a disk without room."""
    out = tmp_path / "s"

    def full() -> None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        message = r"s\.partial could not be written.*make room, and give the same command again"
        with pytest.raises(StoreError, match=message):
            pack_all(out)

    assert forked(full) == 0
    assert not out.exists()
    pack_all(out)
    assert_equals(out, unbroken)


@pytest.mark.parametrize("failing", ["PartialStore.write_lines", "write_json", "Path.rename"])
def test_a_disk_that_is_full_at_the_very_end(
    failing: str, tmp_path: Path, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "s"
    pack_calls = 0

    def full(*args: Any, **kwargs: Any) -> None:
        nonlocal pack_calls
        pack_calls += 1
        with partial_module.explained(tmp_path / "s.partial"):
            raise OSError(28, "No space left on device")

    name, _, method = failing.rpartition(".")
    owner: Any = getattr(partial_module, name) if name else partial_module
    with monkeypatch.context() as patched:
        patched.setattr(owner, method, full)
        with pytest.raises(StoreError, match="No space left on device"):
            pack_all(out)
    assert pack_calls == 1
    assert not out.exists()
    pack_all(out)
    assert_equals(out, unbroken)


def test_a_write_that_failed_is_not_taken_for_done(
    tmp_path: Path, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room appears again right after a failed commit: its rows must still be packed."""
    write = partial_module.PartialStore.write
    calls = 0

    def once(self: Any, *args: Any, **kwargs: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise StoreError("disk full")
        write(self, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(partial_module.PartialStore, "write", once)
        with pytest.raises(StoreError, match="disk full"):
            pack_all(tmp_path / "s")
    assert calls == 3
    pack_all(tmp_path / "s")
    assert_equals(tmp_path / "s", unbroken)


def test_an_interrupt_keeps_what_was_committed(tmp_path: Path, unbroken: dict[str, Any]) -> None:
    class Interrupted(FakeImporter):
        def rows(self) -> Any:
            yield from self.entries[:100]
            raise KeyboardInterrupt

    source = {"importer": "FakeImporter"}
    with pytest.raises(KeyboardInterrupt):
        pack(Interrupted(ENTRIES), tmp_path / "s", registry=fake_registry(), source=source)
    report = pack_all(tmp_path / "s")
    assert report.resumed > 0
    assert_equals(tmp_path / "s", unbroken)


def test_a_cut_off_partial_is_reported(tmp_path: Path) -> None:
    interrupted(tmp_path / "s")
    data = tmp_path / "s.partial/data.mdb"
    os.truncate(data, data.stat().st_size // 2)

    def resumed() -> None:
        with pytest.raises(StoreError, match=r"damaged.*--restart"):
            pack_all(tmp_path / "s")

    assert forked(resumed) == 0  # and not killed by SIGBUS
    pack(FakeImporter(ENTRIES), tmp_path / "s", registry=fake_registry(), restart=True)
    assert verify(Store(tmp_path / "s")) == []


def test_a_flipped_byte_in_a_partial_is_not_published(tmp_path: Path) -> None:
    interrupted(tmp_path / "s")
    data = tmp_path / "s.partial/data.mdb"
    pixels = tile(1).tobytes()
    raw = data.read_bytes()
    assert pixels in raw
    data.write_bytes(raw.replace(pixels, bytes([pixels[0] ^ 1]) + pixels[1:]))
    with pytest.raises(StoreError, match=r"picture/00000001 is damaged.*--restart"):
        pack_all(tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_a_damaged_plan_is_reported(tmp_path: Path) -> None:
    interrupted(tmp_path / "s")
    (tmp_path / "s.partial/pack.json").write_text("{")
    with pytest.raises(StoreError, match=r"pack.json is damaged.*--restart"):
        pack_all(tmp_path / "s")


def test_write_json_replaces_whole_files(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    partial_module.write_json(path, {"a": 1})
    partial_module.write_json(path, {"ä": 2})
    assert json.loads(path.read_text(encoding="utf-8")) == {"ä": 2}
    assert list(tmp_path.iterdir()) == [path]


def test_bad_row_is_no_row() -> None:
    assert any(isinstance(entry, BadRow) for entry in ENTRIES)  # what these tests rest on
