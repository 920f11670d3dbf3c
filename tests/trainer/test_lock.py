"""One trainer per run folder."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from polymodal_core.errors import RunError
from polymodal_trainer.lock import NAME, RunLock, check_unlocked

HOLD = """
import sys, time
from pathlib import Path
from polymodal_trainer.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_second_process_is_refused_by_the_pid_of_the_first(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for attempt in (RunLock, check_unlocked):
            with pytest.raises(RunError, match=rf"process {holder.pid}\).*choose another --out"):
                attempt(tmp_path)
        assert (tmp_path / NAME).read_text() == f"{holder.pid}\n"
    finally:
        holder.kill()
        holder.wait()
    RunLock(tmp_path).release()  # a killed holder holds no longer


def test_lock_tells_whose_it_is_and_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        lock = RunLock(tmp_path)
        assert (tmp_path / NAME).read_text() == f"{os.getpid()}\n"
        lock.release()
    check_unlocked(tmp_path)


def test_forked_child_does_not_hold_the_lock(tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    context = multiprocessing.get_context("fork")
    gate = context.Event()
    child = context.Process(target=gate.wait, args=(30,))
    child.start()
    lock.release()
    try:
        # Another process must get it while the forked child still lives.
        probe = "import sys; from pathlib import Path; from polymodal_trainer.lock import RunLock; "
        probe += "RunLock(Path(sys.argv[1]))"
        subprocess.run([sys.executable, "-c", probe, str(tmp_path)], check=True)
        assert child.is_alive()
    finally:
        gate.set()
        child.join()


def test_folder_without_lock_is_unlocked(tmp_path: Path) -> None:
    check_unlocked(tmp_path)
    assert not (tmp_path / NAME).exists()
