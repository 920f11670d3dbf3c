from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from polymodal_core.errors import ValueRejectedError
from polymodal_depth.millimetres import (
    check_plausible,
    decode,
    encode,
    extent,
    to_millimetres,
)

from tests.depth.maps import ramp, with_holes


def converted(values: Any, unit: str | None) -> Any:
    return to_millimetres(np.asarray(values), unit=unit, name="d.png")


def refused(values: Any, unit: str | None, message: str) -> None:
    with pytest.raises(ValueRejectedError, match=rf"^d\.png: {message}"):
        converted(values, unit)


def test_sixteen_bits_are_millimetres_unless_said_otherwise() -> None:
    np.testing.assert_array_equal(converted(with_holes(), None), with_holes())
    np.testing.assert_array_equal(converted(with_holes(), "mm"), with_holes())
    np.testing.assert_array_equal(converted(with_holes().astype(np.int64), None), with_holes())


@pytest.mark.parametrize(
    ("values", "unit", "millimetres"),
    [
        (np.array([[0.0, 1.5, 2.0004]], np.float32), "m", [[0, 1500, 2000]]),
        (np.array([[0, 51, 255]], np.uint8), "255=10m", [[0, 2000, 10000]]),
        (np.array([[0, 13107, 65535]], np.uint16), "65535=10m", [[0, 2000, 10000]]),
        (np.array([[0, 5, 400]], np.uint16), "cm", [[0, 50, 4000]]),
        (np.array([[0, 12345]], np.uint16), "10=1mm", [[0, 1234]]),
    ],
)
def test_declared_units_are_converted(values: Any, unit: str, millimetres: Any) -> None:
    found = converted(values, unit)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, millimetres)


def test_a_reading_nearer_than_half_a_millimetre_stays_a_reading() -> None:
    assert converted([[0.0, 0.0001, 1.0]], "m").tolist() == [[0, 1, 1000]]


def test_the_farthest_that_fits_is_kept() -> None:
    assert converted([[65.535]], "m").tolist() == [[65535]]


def test_undeclared_eight_bits_are_refused_with_unit_and_range() -> None:
    refused(
        np.array([[45, 91]], np.uint8),
        None,
        r'8-bit depth \(45 to 91\) without a declared unit; declare .* "255=10m".*'
        r"1 to 65535 \(65\.535 m\), 0 = no reading",
    )


def test_undeclared_floats_are_refused() -> None:
    refused([[1.5, 2.5]], None, r"floating-point depth \(1\.5 to 2\.5\) without a declared unit")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_counted(value: float) -> None:
    refused([[1.0, value, 2.0]], "m", "1 of 3 depths are NaN or infinite; write 0")


def test_negative_values_are_counted() -> None:
    refused([[1.0, -1.0, -2.0]], "m", r"2 of 3 depths are negative \(smallest -2\); write 0")


def test_a_map_without_readings_is_refused() -> None:
    refused(np.zeros((2, 2), np.uint16), None, "every depth is 0, .*leave its row without depth")


def test_millimetres_declared_as_metres_are_refused() -> None:
    refused(ramp(), "m", r'with unit "m" the farthest reading is 5000 m \(5000 in the source\)')


def test_metres_declared_as_millimetres_are_refused() -> None:
    refused([[1.5, 4.2]], "mm", r'with unit "mm" the farthest reading is 0\.004 m')


def test_sixteen_bits_that_cannot_be_millimetres_are_refused() -> None:
    refused(np.array([[3, 9]], np.uint16), None, "with the default unit of 16-bit depth, mm, the")
    refused(np.array([[70_000]], np.int64), None, "with the default unit .* is 70 m")


def test_stored_maps_come_back_exactly() -> None:
    millimetres = np.array([[0, 1, 255, 256, 65535]], np.uint16)
    payload = encode(millimetres)
    assert payload.startswith(b"\x89PNG")
    found = decode(payload)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, millimetres)


def test_the_extent_is_read_off_the_head() -> None:
    payload = encode(ramp(48, 64))
    assert extent(payload) == extent(payload[:64]) == (48, 64)
    with pytest.raises(ValueRejectedError, match="the stored depth map is damaged"):
        extent(payload[:10])


def test_the_median_reading_must_be_plausible_where_that_is_said() -> None:
    # Holes are no readings: half of the map is none, and the median is of the rest.
    millimetres = np.array([[0, 0, 0, 2000, 2000, 60_000]], np.uint16)
    check_plausible(millimetres, (1.0, 2.0), unit="mm", name="d.png")
    for plausible in ((2.1, 9.0), (0.0, 1.9)):
        between = rf"{plausible[0]:g} m to {plausible[1]:g} m that are plausible here"
        message = (
            rf'^d\.png: with unit "mm" the median reading is 2 m, outside the {between}; declare'
        )
        with pytest.raises(ValueRejectedError, match=message):
            check_plausible(millimetres, plausible, unit="mm", name="d.png")


def test_what_is_stored_is_said_of_every_bad_value() -> None:
    for values in ([[np.nan]], [[-1.0]], [[0.0]]):
        refused(values, "m", r'.*the declared unit is "m", stored are millimetres from 1 to 65535')
    refused([[0.0]], None, ".*declared is no unit, stored are millimetres from 1 to 65535")


def test_a_damaged_stored_map_is_refused() -> None:
    with pytest.raises(ValueRejectedError, match="the stored depth map is damaged"):
        decode(encode(with_holes())[:-40])
