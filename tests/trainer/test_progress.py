"""What a person sees."""

from __future__ import annotations

import io
import time

import pytest
from polymodal_trainer import progress
from polymodal_trainer.progress import Display
from rich.console import Console


def terminal(*, live: bool) -> tuple[io.StringIO, Console]:
    screen = io.StringIO()
    return screen, Console(file=screen, force_terminal=live, width=100, highlight=False)


def used(display: Display, *, pause: float = 0.0) -> None:
    with display:
        display.show("a table")
        with display.task("validating", 4) as advance:
            advance(4)
            time.sleep(pause)
        display.begin(10, 2)
        display.step("epoch 1/2", "loss 1.500", 5)
        time.sleep(pause)
        display.line("epoch 1/2  loss 1.4 [best]")
        display.end()
        display.warn("careful [now]")
        display.say("done [really]")


def test_terminal_shows_bars_with_the_numbers() -> None:
    screen, console = terminal(live=True)
    used(Display(console=console), pause=0.25)  # bars are drawn ten times a second
    shown = screen.getvalue()
    for text in ("validating", "4/4", "5/10", "loss 1.500", "loss 1.4 [best]", "careful [now]"):
        assert text in shown
    assert "5/10" not in shown[shown.index("careful") :]  # no bar is drawn below the last words


def test_elsewhere_there_are_plain_lines() -> None:
    screen, console = terminal(live=False)
    used(Display(console=console))
    assert screen.getvalue().splitlines() == [
        "a table",
        "epoch 1/2  loss 1.4 [best]",
        "warning: careful [now]",
        "done [really]",
    ]


def test_quiet_leaves_warnings_and_the_last_words() -> None:
    screen, console = terminal(live=True)
    used(Display(console=console, quiet=True))
    shown = screen.getvalue()
    assert "careful [now]" in shown
    assert "done [really]" in shown
    assert "a table" not in shown
    assert "loss" not in shown


def test_long_epochs_give_a_plain_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_SECONDS", -1.0)
    screen, console = terminal(live=False)
    with Display(console=console) as display:
        display.begin(10, 0)
        display.step("epoch 1/2", "loss 1.500", 5)
        with display.task("frozen encoders", 100) as advance:
            advance(20)
            advance(30)
    assert screen.getvalue().splitlines() == [
        "epoch 1/2  step 5  loss 1.500",
        "frozen encoders: 20 of 100",
        "frozen encoders: 50 of 100",
    ]
