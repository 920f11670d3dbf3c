from __future__ import annotations

import io
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from polymodal_core.errors import PolymodalError
from polymodal_datasets.importers.pickled_arrays import read_pickled_arrays


def text(value: bytes) -> bytes:
    """A string as Python 2 pickles it."""
    return b"T" + struct.pack("<i", len(value)) + value


def array(content: NDArray[np.uint8], *, dtype: bytes = b"u1", fortran: bool = False) -> bytes:
    """An array as NumPy under Python 2 pickles it, protocol 2."""
    shape = b"".join(b"J" + struct.pack("<i", size) for size in content.shape)
    made = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
    )
    kind = b"cnumpy\ndtype\n" + text(dtype) + b"K\x00K\x01\x87R"
    kind += b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    order = b"\x88" if fortran else b"\x89"
    raw = content.tobytes(order="F" if fortran else "C")
    return made + b"(K\x01(" + shape + b"t" + kind + order + text(raw) + b"tb"


def table(**values: bytes) -> bytes:
    entries = b"".join(text(name.encode()) + value for name, value in values.items())
    return b"\x80\x02}(" + entries + b"u."


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def pictures(count: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 12), dtype=np.uint8)


@pytest.mark.parametrize("fortran", [False, True])
def test_reads_what_python_2_writes(tmp_path: Path, fortran: bool) -> None:
    wanted = pictures()
    path = write(
        tmp_path / "batch",
        table(
            data=array(wanted, fortran=fortran), labels=b"(K\x03K\x01K\x02l", name=text(b"a\xe4")
        ),
    )

    found = read_pickled_arrays(path)

    assert found["data"].dtype == np.uint8
    np.testing.assert_array_equal(found["data"], wanted)
    # The reference: NumPy's own reading of the same bytes.
    reference = pickle.loads(path.read_bytes(), encoding="bytes")
    np.testing.assert_array_equal(reference[b"data"], wanted)
    assert found["labels"] == [3, 1, 2]
    assert found["name"] == b"a\xe4"


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_reads_what_python_3_writes(tmp_path: Path, protocol: int) -> None:
    wanted = {"data": pictures(), "labels": [1, 2], "names": ["a", b"b\xff"], "share": 0.5}
    path = write(tmp_path / "batch", pickle.dumps(wanted, protocol))

    found = read_pickled_arrays(path)

    np.testing.assert_array_equal(found.pop("data"), wanted.pop("data"))
    assert found == wanted


class Hostile:
    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> Any:
        return self.call, self.arguments


def test_code_is_refused_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    for number, hostile in enumerate(
        [Hostile(os.system, f"touch {marker}"), Hostile(eval, f"open({str(marker)!r}, 'w')")]
    ):
        path = write(tmp_path / f"batch{number}", pickle.dumps({"data": hostile}, 2))
        with pytest.raises(PolymodalError, match=r"refused: it names .*A pickle can run any code"):
            read_pickled_arrays(path)
    assert not marker.exists()


REDUCED = b"cnumpy.core.multiarray\n_reconstruct\n"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (array(pictures(), dtype=b"O8"), "type 'O8'"),
        (array(pictures(), dtype=b"f8"), "type 'f8'"),
        (b"cnumpy\nload\n" + text(b"x") + b"\x85R", "names numpy.load"),
        (b"cnumpy\nndarray\nK\x05\x85R", "makes an array by hand"),
        (REDUCED + b"}" + text(b"__code__") + b"K\x01sb", "sets the state of a callable"),
        (REDUCED + b"N}" + text(b"_call") + b"K\x01s\x86b", "sets the state of a callable"),
        (
            REDUCED + b")R(K\x01(K\x02t]" + b"\x89" + text(b"ab") + b"tb",
            "something else than bytes",
        ),
        (REDUCED + b")RK\x01b", "state of an array"),
        (b"c_codecs\nencode\nK\x01\x85R", "encodes something else"),
        (b"ccopyreg\n_reconstructor\n", "names copyreg._reconstructor"),
        (b"cbuiltins\ngetattr\n", "getattr"),
    ],
)
def test_what_no_array_needs_is_refused(tmp_path: Path, value: bytes, message: str) -> None:
    path = write(tmp_path / "batch", table(data=value))

    with pytest.raises(PolymodalError, match=message) as caught:
        read_pickled_arrays(path)

    assert "is refused" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        table(data=array(pictures()))[:-40],
        table(data=REDUCED + b")R"),
        table(data=array(pictures()).replace(b"J\x0c\x00", b"J\x0d\x00")),
        b"\x80\x04\x8e" + struct.pack("<q", 1 << 60),
    ],
)
def test_damage_is_said(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path / "batch", content)

    with pytest.raises(PolymodalError, match=r"batch cannot be read as a pickle|is expected"):
        read_pickled_arrays(path)


def test_a_list_is_no_table(tmp_path: Path) -> None:
    path = write(tmp_path / "batch", pickle.dumps([1, 2]))

    with pytest.raises(PolymodalError, match="holds a list; a table is expected"):
        read_pickled_arrays(path)


def test_numpy_reads_the_same_stand_ins_later(tmp_path: Path) -> None:
    """No pickle can change what the next one is read by."""
    read = io.BytesIO(table(data=array(pictures()))).getvalue()
    bad = write(tmp_path / "bad", table(data=REDUCED + b"}" + text(b"x") + b"K\x01sb"))
    with pytest.raises(PolymodalError):
        read_pickled_arrays(bad)

    np.testing.assert_array_equal(
        read_pickled_arrays(write(tmp_path / "good", read))["data"], pictures()
    )
