"""Names of places as names of nodes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.files.hub import Site
from keytwin.files.site_names import LONGEST_SITE, name_sites, plain_name, unique
from keytwin.vocabulary.identity import parse_node


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("Berlin", "Berlin"),
        ("Frankfurt_am_Main", "Frankfurt_am_Main"),
        ("New York", "New-York"),
        ("Washington, DC", "Washington-DC"),
        ("St. Pölten", "St-Polten"),
        ("Gießen", "Giessen"),
        ("Łódź", "Lodz"),
        ("Ålesund / Ærø", "Alesund-Aero"),
        ("Concepción", "Concepcion"),
        ("Stone Mt?", "Stone-Mt"),
        ("a -- b", "a-b"),
        ("L'Aquila", "LAquila"),
        ("_internal_", "internal"),
        ("東京", ""),
        ("---", ""),
        ("", ""),
    ],
)
def test_a_name_keeps_its_letters(said: str, named: str) -> None:
    assert plain_name(said) == named


@given(st.text(max_size=80))
def test_any_text_becomes_a_name_or_nothing(text: str) -> None:
    name = plain_name(text)
    assert len(name) <= LONGEST_SITE
    assert not name or parse_node(name) == name


@given(st.lists(st.sampled_from(["London", "london", "London_2", None, "", "???", "R" * 60, "R" * 61]), max_size=30))
def test_no_two_sites_have_the_same_name(said: list[str | None]) -> None:
    names = name_sites(Site(place, name) for place, name in enumerate(said))
    assert len(set(names.values())) == len(said)
    assert all(parse_node(name) == name and len(name) <= LONGEST_SITE for name in names.values())


def test_the_second_of_a_name_gets_a_number() -> None:
    names = name_sites([Site(1, "London"), Site(2, "London"), Site("x"), Site(4, "London")])
    assert names == {1: "London", 2: "London_2", "x": "nodex", 4: "London_3"}


def test_a_number_finds_room_in_a_long_name() -> None:
    name = unique("N" * LONGEST_SITE, {"N" * LONGEST_SITE})
    assert name == f"{'N' * (LONGEST_SITE - 2)}_2"
