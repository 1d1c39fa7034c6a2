"""Values with units in SysML v2: written so that they mean the same, and read back as a user wrote them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.design.sysml_back import plain_value
from keytwin.design.sysml_dimensions import SI_UNITS, unit_of_quantity
from keytwin.design.sysml_reader import read_sysml
from keytwin.design.sysml_rules import check_sysml
from keytwin.design.sysml_units import OWN_UNITS, VALUE_TYPES, WRITTEN, plain_unit, units_package, value_expression
from keytwin.vocabulary.errors import Mistake


def back(expression: str) -> str:
    document = read_sysml(f"attribute :>> a = {expression};")
    assert document.findings == ()
    (member,) = document.root.members()
    assert member.value is not None
    return plain_value(document.source, member.value)


@pytest.mark.parametrize(
    ("quantity", "value", "written"),
    [
        ("length", "20 km", "20 [km]"),
        ("length", "20km", "20 [km]"),
        ("length", "  20   km ", "20 [km]"),
        ("length", "+3 m", "3 [m]"),
        ("length", "-3 m", "-3 [m]"),
        ("length", "3. m", "3.0 [m]"),
        ("length", ".5 m", "0.5 [m]"),
        ("length", "-.5e3 m", "-0.5e3 [m]"),
        ("length", "1e-9 m", "1e-9 [m]"),
        ("loss", "3 dB", "3 [dBo]"),
        ("attenuation", "0.2 dB/km", "0.2 ['dBo/km']"),
        ("rate", "5 B/s", "5 ['byte/s']"),
        ("rate", "5 kbit/s", "5 ['kbit/s']"),
        ("share", "0.5", "0.5 [share]"),
        ("share", "5 %", "5 ['%']"),
        ("turbulence", "1e-14 m-2/3", "1e-14 ['m-2/3']"),
        ("number", "3", "3"),
        ("number", "-2.50", "-2.50"),
        ("text", "20 km", '"20 km"'),
        ("text", 'a "b" \\', r'"a \"b\" \\"'),
        ("text", "", '""'),
    ],
)
def test_a_value_is_written_as_an_expression(quantity: str, value: str, written: str) -> None:
    assert value_expression(quantity, value) == written


@pytest.mark.parametrize("value", ["", "km", "far", "1,5 km", "1e km", "2 km 3", "--2 m", "٣ m", "inf s"])
def test_what_is_no_number_with_a_unit_is_refused(value: str) -> None:
    with pytest.raises(Mistake, match=f"{re.escape(repr(value))} is no value of a length"):
        value_expression("length", value)


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        ("length", "20 km"),
        ("length", "-0.5 m"),
        ("loss", "3 dB"),
        ("attenuation", "0.2 dB/km"),
        ("rate", "8 B/s"),
        ("share", "0.5"),
        ("share", "5 %"),
        ("number", "-7"),
        ("text", 'a\n"b"'),
        ("radiance", "1e-3 W/m2/sr/nm"),
    ],
)
def test_a_value_comes_back_as_it_was_given(quantity: str, value: str) -> None:
    assert back(value_expression(quantity, value)) == value


@pytest.mark.parametrize("expression", ["2 * a", "2 [m] + 3 [m]", "a.b", "- a", "(1, 2)", "2 [m/s]"])
def test_what_is_no_plain_value_stays_as_it_is(expression: str) -> None:
    assert back(expression) == expression


@settings(max_examples=40)
@given(st.decimals(-1_000_000, 1_000_000, places=3), st.sampled_from(["km", "ns", "dB", "dB/km", "MHz"]))
def test_every_number_and_unit_comes_back(number: object, unit: str) -> None:
    assert back(value_expression("length", f"{number} {unit}")) == f"{number} {unit}"


@settings(max_examples=40)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_every_text_comes_back(text: str) -> None:
    assert back(value_expression("text", text)) == text


@pytest.mark.parametrize(("symbol", "plain"), [("dBo", "dB"), ("dBo/km", "dB/km"), ("byte/s", "B/s"), ("km", "km")])
def test_units_of_another_name_are_told_by_their_own(symbol: str, plain: str) -> None:
    assert plain_unit(symbol) == plain


def test_the_package_of_units_reads_without_a_mistake_and_defines_each_once() -> None:
    document = read_sysml("\n".join(units_package()))
    assert check_sysml([document]) == ()
    (package,) = document.root.members()
    short = [each.short for each in package.members() if each.short]
    assert short == [unit.symbol for unit in OWN_UNITS]
    assert len({*short}) == len(short)


def test_what_another_name_is_written_for_is_defined() -> None:
    assert {*WRITTEN.values()} <= {unit.symbol for unit in OWN_UNITS}


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("LengthValue", "LengthUnit"),
        ("WidthValue", "LengthUnit"),
        ("WavelengthValue", "LengthUnit"),
        ("TimeValue", "DurationUnit"),
        ("BitRateValue", "BinaryDigitRateUnit"),
        ("PowerValue", "PowerUnit"),
        ("Real", "Real"),
        ("String", "String"),
        ("Length", ""),
        ("Widget", ""),
        ("", ""),
    ],
)
def test_a_quantity_of_the_library_has_the_unit_of_its_name(name: str, unit: str) -> None:
    assert unit_of_quantity(name) == unit


@pytest.mark.parametrize("quantity", sorted(set(VALUE_TYPES) - {"number", "text"}))
def test_every_quantity_has_a_unit_of_its_own(quantity: str) -> None:
    known = {*SI_UNITS.values(), *(unit.kind for unit in OWN_UNITS)}
    assert unit_of_quantity(VALUE_TYPES[quantity]) in known


@pytest.mark.parametrize(
    ("member", "what"),
    [
        ("attribute a : LengthValue = 2 [s];", "a is given in s, a DurationUnit, where a LengthUnit is needed"),
        ("attribute a : LengthValue = - 2 [s];", "a is given in s, a DurationUnit, where a LengthUnit is needed"),
        ("attribute a : WidthValue default = 2 [Hz];", "a is given in Hz, a FrequencyUnit, where a LengthUnit is"),
        ("attribute a : Real = 2 [m];", "a is given in m, a LengthUnit, but is a Real"),
        ("in a : DurationValue = 3 [km];", "a is given in km, a LengthUnit, where a DurationUnit is needed"),
    ],
)
def test_a_unit_of_another_dimension_is_told(member: str, what: str) -> None:
    (finding,) = check_sysml([read_sysml(member, "m.sysml")])
    assert finding.what.startswith(what)
    assert member[finding.column - 1 :].startswith(what.partition(" is given in ")[2].partition(",")[0])


@pytest.mark.parametrize(
    "member",
    [
        "attribute a : LengthValue = 2 [km];",
        "attribute a : LengthValue = 2;",
        "attribute a : LengthValue = 2 [s] * 3 [s];",
        "attribute a : LengthValue = 2 [furlong];",
        "attribute a : LengthValue = b [s];",
        "attribute a : Widget = 2 [s];",
        "attribute a = 2 [s];",
        "attribute a : SpeedValue = 2 [m/s];",
    ],
)
def test_of_what_is_not_known_nothing_is_said(member: str) -> None:
    assert check_sysml([read_sysml(member)]) == ()


def test_the_nearest_definition_of_a_unit_counts() -> None:
    text = """
    attribute def TownValue { attribute :>> mRef : TownUnit; }
    attribute def BigTownValue :> TownValue;
    attribute town : TownUnit;
    part def P { attribute a : BigTownValue = 2 [town]; attribute b : BigTownValue = 2 [m]; }
    """
    (finding,) = check_sysml([read_sysml(text)])
    assert finding.what == "b is given in m, a LengthUnit, where a TownUnit is needed"
