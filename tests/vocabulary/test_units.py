"""Quantities: what a user writes is read exactly, or refused with what, where and how to mend it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.vocabulary import units
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import (
    NANOSECONDS_PER_SECOND,
    QUANTITIES,
    Bits,
    BitsPerSecond,
    hours,
    milliseconds,
    minutes,
    octets,
    parse_attenuation,
    parse_bits,
    parse_count,
    parse_decibels,
    parse_duration,
    parse_hertz,
    parse_kilometres,
    parse_rate,
    parse_share,
    produced,
    seconds,
    show_bits,
    show_duration,
    show_rate,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("60 s", seconds(60)), ("10min", minutes(10)), ("1.5 ms", milliseconds(1.5)), (" 2 h ", hours(2)), ("0 s", 0)],
)
def test_a_time_is_read_exactly(text: str, value: int) -> None:
    assert parse_duration(text) == value


def test_each_quantity_reads_its_own_unit() -> None:
    assert parse_bits("256 bit") == 256
    assert parse_bits("32 B") == 256
    assert parse_rate("1 kbit/s") == 1_000
    assert parse_kilometres("350 m") == pytest.approx(0.35)
    assert parse_hertz("1 GHz") == pytest.approx(1e9)
    assert parse_decibels("14.5 dB") == pytest.approx(14.5)
    assert parse_attenuation("0.2 dB/km") == pytest.approx(0.2)
    assert parse_share("2 %") == pytest.approx(0.02)
    assert parse_share("0.02") == pytest.approx(0.02)


def test_a_missing_unit_is_named_with_an_example() -> None:
    with pytest.raises(Mistake, match=r"'64' has no unit: a rate needs one of bit/s, .*, such as '64 kbit/s'"):
        parse_rate("64")


def test_a_unit_in_the_wrong_case_suggests_the_right_one() -> None:
    with pytest.raises(Mistake, match=r"unknown unit 'Kbit/s': did you mean 'kbit/s'\?"):
        parse_rate("64 Kbit/s")


@pytest.mark.parametrize(
    "text", ["-1 s", "1e400 s", "1e30 s", "nan s", "inf s", "1_000 s", "", "s", "x" * 1000, "1 s s"]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(Mistake):
        parse_duration(text)


def test_a_share_is_never_more_than_the_whole() -> None:
    with pytest.raises(Mistake, match="more than the whole"):
        parse_share("101 %")


@pytest.mark.parametrize("text", ["3.0", "1_000", "٣", "0x10", "", "9" * 30])
def test_a_count_is_plain_digits(text: str) -> None:
    with pytest.raises(Mistake):
        parse_count(text)


def test_a_count_has_a_range() -> None:
    assert parse_count("3", 1, 5) == 3
    with pytest.raises(Mistake, match="from 1 to 5"):
        parse_count("6", 1, 5)


@given(st.integers(0, 10**17))
def test_a_shown_time_reads_back(span: int) -> None:
    assert parse_duration(show_duration(span)) == span


@given(st.integers(0, 10**17))
def test_shown_amounts_and_rates_read_back(count: int) -> None:
    assert parse_bits(show_bits(count)) == count
    assert parse_rate(show_rate(count)) == count


@given(st.text(max_size=80), st.sampled_from(sorted(units.QUANTITIES)))
def test_any_text_is_a_quantity_or_a_mistake(text: str, kind: str) -> None:
    with suppress(Mistake):
        units.QUANTITIES[kind](text)


@given(st.integers(1, 10**9), st.integers(0, 10**12))
def test_production_is_rounded_down(rate: int, span: int) -> None:
    made = produced(BitsPerSecond(rate), span)
    assert made * NANOSECONDS_PER_SECOND <= rate * span < (made + 1) * NANOSECONDS_PER_SECOND


def test_octets_are_rounded_up() -> None:
    assert octets(Bits(9)) == 2


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("width", "30 cm", 0.3),
        ("width", "150 mm", 0.15),
        ("wavelength", "850 nm", 850.0),
        ("angle", "10 urad", 1e-5),
        ("angle", "0.1 mrad", 1e-4),
        ("power", "0.5 mW", 5e-4),
        ("power", "20 uW", 2e-5),
        ("radiance", "2.5e-7 W/m2/sr/nm", 2.5e-7),
        ("turbulence", "1e-15 m-2/3", 1e-15),
    ],
)
def test_quantities_of_light_and_air(kind: str, text: str, value: float) -> None:
    assert QUANTITIES[kind](text) == pytest.approx(value, rel=1e-12)
    with pytest.raises(Mistake, match="has no unit"):
        QUANTITIES[kind]("1")
