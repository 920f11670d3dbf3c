"""Short recordings on disk."""

from __future__ import annotations

import io
import wave
from pathlib import Path


def wav(seconds: float = 0.2, *, rate: int = 8000) -> bytes:
    """A file of quiet ticking, 16 bits, mono."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(b"\x00\x01\x00\xff" * round(seconds * rate / 2))
    return buffer.getvalue()


def record(root: Path, *names: str) -> None:
    """Write such a file under each name."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav())
