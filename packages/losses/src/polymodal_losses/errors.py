"""The one error of this package."""

from __future__ import annotations

from polymodal_core.errors import PolymodalError


class ObjectiveError(PolymodalError, ValueError):
    """An objective cannot be built from these options, or cannot score these tensors."""
