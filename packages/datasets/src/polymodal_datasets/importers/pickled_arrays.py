"""Pickles of plain data and arrays of bytes, read without running anything that they name.

A pickle names callables to be run on loading. Here the few names that an array of bytes needs are
answered by stand-ins of our own, which check what they are given; every other name is refused.
NumPy's own functions are not called: they would take an array of objects as well.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polymodal_core.errors import PolymodalError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_pickled_arrays(path: Path) -> dict[str, Any]:
    """Read a pickled table of plain data and arrays of uint8, as Python 2 and 3 write them.

    Texts of Python 2 come as bytes, but for the table's own keys. Raises PolymodalError for a file
    that is no pickle, or damaged, or that names anything else than such an array.
    """
    try:
        with path.open("rb") as stream:
            content = _settled(_PlainUnpickler(stream, encoding="bytes").load())
    except _Refused as error:
        raise PolymodalError(
            f"{path} is refused: {error}. A pickle can run any code, and this one holds more than "
            f"plain data and arrays of bytes. Get the file from where the data set is published"
        ) from None
    except Exception as error:  # damage shows as almost any exception of the unpickler
        raise PolymodalError(f"{path} cannot be read as a pickle: {error!r:.120}") from None
    if not isinstance(content, dict):
        raise PolymodalError(f"{path} holds a {type(content).__name__}; a table is expected")
    return {key.decode() if isinstance(key, bytes) else str(key): content[key] for key in content}


class _Refused(pickle.UnpicklingError):
    """A pickle asks for something that no array of bytes needs."""


class _Array:
    """Stands for an array until its state is known."""

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: NDArray[np.uint8] | None = None

    def __setstate__(self, state: Any) -> None:
        import numpy as np

        if not isinstance(state, tuple) or len(state) != 5:
            raise _Refused("the state of an array is not (version, shape, type, order, bytes)")
        _, shape, dtype, fortran, content = state
        if not isinstance(dtype, _Type) or not isinstance(content, bytes):
            raise _Refused("an array of something else than bytes")
        if not isinstance(shape, tuple) or not all(type(size) is int for size in shape):
            raise _Refused(f"an array of shape {shape!r:.60}")
        if int(np.prod(shape, dtype=object)) != len(content) or any(size < 0 for size in shape):
            raise pickle.UnpicklingError(f"{len(content)} bytes for an array of {list(shape)}")
        flat = np.frombuffer(content, dtype=np.uint8)
        self.found = flat.reshape(shape, order="F" if fortran else "C")


class _Type:
    """Stands for the type of unsigned bytes, the only one there is."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        """Take any state: byte order means nothing for bytes."""


class _Stand:
    """Stands for a callable of NumPy's; a pickle can neither change nor look into it."""

    __slots__ = ("_call",)
    _call: Callable[..., Any]

    def __init__(self, call: Callable[..., Any]) -> None:
        object.__setattr__(self, "_call", call)

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setattr__(self, name: str, value: Any) -> None:
        raise _Refused(f"it sets '{name}' of a callable")

    def __setstate__(self, state: Any) -> None:
        raise _Refused("it sets the state of a callable")


def _new_array(*_: Any) -> _Array:
    return _Array()


def _new_type(name: Any, *_: Any) -> _Type:
    text = name.decode(errors="replace") if isinstance(name, bytes) else name
    if text not in ("u1", "|u1", "uint8"):
        raise _Refused(f"an array of type {text!r:.40}")
    return _Type()


def _no_call(*_: Any) -> Any:
    raise _Refused("it makes an array by hand")


def _bytes_of_text(text: Any, encoding: Any = "latin1", *_: Any) -> bytes:
    # How Python 3 writes bytes in the protocols of Python 2.
    if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
        raise _Refused("it encodes something else than text as latin1")
    return text.encode("latin1")


_NAMES: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _new_array,
    ("numpy._core.multiarray", "_reconstruct"): _new_array,
    ("numpy", "ndarray"): _no_call,
    ("numpy", "dtype"): _new_type,
    ("_codecs", "encode"): _bytes_of_text,
}


class _PlainUnpickler(pickle.Unpickler):
    """Knows the names that an array of bytes needs."""

    def find_class(self, module: str, name: str, /) -> Any:
        """Give the stand-in of a name; refuses every other name."""
        found = _NAMES.get((module, name))
        if found is None:
            raise _Refused(f"it names {module}.{name}")
        return _Stand(found)


def _settled(value: Any) -> Any:
    """Replace the stand-ins of arrays in a table by their arrays."""
    if isinstance(value, _Array):
        if value.found is None:
            raise pickle.UnpicklingError("an array without its bytes")
        return value.found
    if isinstance(value, dict):
        return {
            key: _settled(item) if isinstance(item, _Array) else item for key, item in value.items()
        }
    return value
