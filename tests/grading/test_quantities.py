r"""Numbers with units and tolerances."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from s1.grading import grade
from s1.grading.quantities import Tolerance, read_quantity, same_quantity, tolerance_of
from s1.grading.units import read_unit
from s1.records import Question

FIVE_PERCENT = Tolerance(relative=0.05)


def number(answer: str, **metadata: JsonValue) -> Question:
    return Question.create(
        question="How much?", solution="", answer=answer, answer_kind="number", source="book", metadata=metadata
    )


@pytest.mark.parametrize(
    ("answer", "reference", "unit"),
    [
        (r"2.5 \times 10^3 J", "2.5", "kJ"),
        (r"2.5 kJ", "2.5", r"$\mathrm{kJ}$"),
        ("2500 J", "2.5 kJ", ""),
        ("2.5", "2.5", "kJ"),
        ("12 apples", "12", ""),
        (r"3.2 \times 10^6 m", "3.2", "$10^6$ m"),
        ("3.2", "3.2", "$10^6$ m"),
        ("3.2e6", "3.2", "$10^6$ m"),
        (r"$-1368 \mathrm{~kJ} \mathrm{~mol}^{-1}$", "-1368", r" $\mathrm{~kJ} / \mathrm{mol}$"),
        (r"\approx 50.7 \text{ atm}", "50.7", r"$\mathrm{atm}$ "),
        (r"45^\circ", "0.785", "rad"),
        (r"27^{\circ} \mathrm{C}", "300", "K"),
        ("-273.15 °C", "0", "K"),
        ("45%", "0.45", ""),
        ("45", "45", "%"),
        ("0.45", "45", "%"),
        ("1,234.5 m", "1.2345", "km"),
        ("E = 3.0 eV", "4.8e-19", "J"),
        (r"\frac{1}{2} m", "50", "cm"),
        ("1/2", "0.5", ""),
        ("36 km/h", "10", "m/s"),
        ("9.8 m/s^2", "9.8", "m s^{-2}"),
        ("about 5 meters per second squared", "5", "m/s^2"),
        ("5 square meters", "50000", "cm^2"),
        ("30 minutes", "0.5", "hours"),
        (r"3.0 \mu m", "3000", "nm"),
        (r"8.3 \mathrm{~J} \mathrm{~K}^{-1} \mathrm{~mol}^{-1}", "8.314", r"$\mathrm{JK}^{-1} \mathrm{~mol}^{-1}$"),
        ("10^{-3}", "0.001", ""),
    ],
)
def test_the_same_quantity_is_found_however_it_is_written(answer: str, reference: str, unit: str) -> None:
    assert same_quantity(answer, reference, unit=unit, tolerance=FIVE_PERCENT) is True


@pytest.mark.parametrize(
    ("answer", "reference", "unit"),
    [
        ("2.5 kg", "2.5", "kJ"),
        ("2500", "2.5", "kJ"),
        ("2.5 J", "2.5", "kJ"),
        ("-5", "5", ""),
        ("4500", "45", "%"),
        ("5.3", "5", ""),
        ("10 m/s", "10", "m/s^2"),
    ],
)
def test_another_quantity_is_not_the_same(answer: str, reference: str, unit: str) -> None:
    assert same_quantity(answer, reference, unit=unit, tolerance=FIVE_PERCENT) is False


@pytest.mark.parametrize("text", ["x+1", "2x", "2x+1", r"5 \sqrt{2}", "3, 4", "[1, 2]", "none", "2^5", "1 \\pm 2"])
def test_what_is_no_plain_number_is_left_to_algebra(text: str) -> None:
    assert read_quantity(text) is None


@pytest.mark.parametrize(
    ("answer", "reference", "metadata", "expected"),
    [
        ("1.33", "1.32", {"absolute_tolerance": 0.01}, True),
        ("1.34", "1.32", {"absolute_tolerance": 0.01}, False),
        ("104", "100", {"relative_tolerance": 0.04}, True),
        ("104.1", "100", {"relative_tolerance": 0.04}, False),
        ("105", "100", {}, True),
        ("105.1", "100", {}, False),
        (r"\sqrt{2}", "1.414", {"relative_tolerance": 0.01}, True),
        (r"\frac{\pi}{3}", "1.047", {"relative_tolerance": 0.01}, True),
        ("x+1", "2", {}, False),
        ("0.00", "0", {}, True),
        ("0.1", "0", {}, False),
    ],
)
def test_the_questions_own_tolerance_decides(
    answer: str, reference: str, metadata: dict[str, JsonValue], expected: bool
) -> None:
    assert grade(answer, number(reference, **metadata)) is expected


def test_a_missing_number_is_wrong_and_a_missing_reference_cannot_be_graded() -> None:
    assert grade(None, number("5")) is False
    assert grade("5", Question.create(question="?", solution="", answer_kind="number", source="book")) is None


def test_without_a_stated_tolerance_scibenchs_five_percent_hold() -> None:
    assert tolerance_of({}) == Tolerance(relative=0.05)
    assert tolerance_of({"absolute_tolerance": 0.01}) == Tolerance(absolute=0.01)


@given(st.floats(1e-6, 1e6), st.sampled_from([("km", 1e3), ("m", 1.0), ("mm", 1e-3), ("nm", 1e-9), ("ft", 0.3048)]))
def test_a_change_of_unit_changes_no_length(value: float, unit: tuple[str, float]) -> None:
    name, factor = unit
    assert same_quantity(f"{value:.9e} {name}", f"{value * factor:.9e}", unit="m", tolerance=Tolerance(relative=1e-6))


@given(st.floats(-1e12, 1e12, allow_nan=False))
def test_every_number_is_within_its_own_tolerance(value: float) -> None:
    assert same_quantity(repr(value), repr(value), unit="", tolerance=Tolerance(relative=0.0)) is True


@pytest.mark.parametrize(
    ("written", "same"),
    [
        (r"\mathrm{~N} / \mathrm{C}", "V/m"),
        ("J", "kg m^2 s^-2"),
        (r"\mathrm{dm}^3", "L"),
        ("kWh", r"3.6"),
        (r"\Omega", "V/A"),
        ("N·m", "joules"),
        (r"\frac{\mathrm{m}}{\mathrm{s}}", "m s^{-1}"),
    ],
)
def test_units_are_what_they_are_made_of(written: str, same: str) -> None:
    unit, other = read_unit(written), read_unit(same)
    assert unit is not None
    if other is None:
        assert math.isclose(unit.factor, 3.6e6)
    else:
        assert unit.dimensions == other.dimensions
        assert math.isclose(unit.factor, other.factor)


def test_words_that_are_no_units_are_none() -> None:
    assert read_unit("apples") is None
    assert read_unit("m / apples") is None
