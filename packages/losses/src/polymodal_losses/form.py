"""Which form computes an objective: the direct one, or the one without a matrix [batch, batch]."""

from __future__ import annotations

from typing import Literal, get_args

from polymodal_losses.errors import ObjectiveError

Form = Literal["auto", "direct", "tiled"]
MatmulDtype = Literal["bfloat16"]


def check_form(form: Form) -> None:
    """Refuse an unknown form; raises ObjectiveError."""
    if form not in get_args(Form):
        raise ObjectiveError(f"form is {form!r}; wanted one of {', '.join(get_args(Form))}")


def check_matmul_dtype(matmul_dtype: MatmulDtype | None, form: Form) -> None:
    """Refuse an unknown dtype of matrix products, and one that `form` would not use."""
    if matmul_dtype is None:
        return
    if matmul_dtype not in get_args(MatmulDtype):
        raise ObjectiveError(
            f"matmul_dtype is {matmul_dtype!r}; wanted bfloat16, or None for the precision of "
            "the embeddings"
        )
    if form == "direct":
        raise ObjectiveError(
            f"matmul_dtype is {matmul_dtype}, but form is direct, which multiplies in the "
            "precision of the embeddings; choose form='tiled' or 'auto'"
        )


def takes_direct_form(form: Form, batch: int, *, limit: int) -> bool:
    """Say whether `form` means the direct form at this batch; `auto` switches above `limit`."""
    return form == "direct" or (form == "auto" and batch <= limit)
