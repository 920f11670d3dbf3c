"""Ctrl-C and SIGTERM."""

from __future__ import annotations

import os
import signal

import pytest
from polymodal_trainer.interruption import Interrupted, Interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_is_only_noted(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    with Interruption() as interruption:
        interruption.raise_if_requested()
        os.kill(os.getpid(), number)
        assert interruption.requested
        with pytest.raises(Interrupted):
            interruption.raise_if_requested()
    assert signal.getsignal(number) is before
    assert "stopping after this step" in capfd.readouterr().err


def test_second_ctrl_c_ends_at_once() -> None:
    with Interruption():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
