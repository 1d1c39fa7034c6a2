"""The mode of a service level's keys in a network file: read and written, and refused where it can't be meant so."""

from __future__ import annotations

import pytest

from keytwin.files.known import Known
from keytwin.files.library import Source
from keytwin.files.network import check_network, write_network
from keytwin.vocabulary.blueprint import Blueprint, Sla
from keytwin.vocabulary.errors import FileMistake
from keytwin.vocabulary.key import Fallback, KeyMode
from tests.files.reading import FILE, short

NETWORK = """format: 1
name: t
defaults: {link: {device: generic-decoy-bb84, length: 20 km}}
nodes: {a: , b: }
links: [a -- b]
slas: {gold: {priority: 0, rate: 10 kbit/s, burst: 16 kbit%s}}
users: {alice: {sla: gold}}
apps: {one: {user: alice, saes: {x: a, y: b}}}
control: {key_management: {key_size: 256 bit%s}}
"""


def network(sla: str = "", settings: str = "") -> Blueprint:
    text = NETWORK % (f", {sla}" if sla else "", f", {settings}" if settings else "")
    return check_network(Source(FILE, text.encode()), Known()).value


def level(sla: str) -> Sla:
    (gold,) = network(sla).slas
    return gold


def mistakes(text: str) -> list[str]:
    with pytest.raises(FileMistake) as caught:
        check_network(Source(FILE, text.encode()), Known())
    return [short(finding) for finding in caught.value.findings]


def test_a_level_that_says_nothing_has_quantum_key_alone_and_nothing_to_fall_back_to() -> None:
    assert (level("").mode, level("").fallback) == (KeyMode.QKD_ONLY, Fallback.NONE)


@pytest.mark.parametrize("mode", KeyMode)
def test_every_mode_is_read_and_written(mode: KeyMode) -> None:
    blueprint = network(f"mode: {mode.value}")
    assert blueprint.slas[0].mode is mode
    again = check_network(Source(FILE, write_network(blueprint).encode()), Known()).value
    assert again == blueprint


def test_a_fallback_is_read_and_written() -> None:
    blueprint = network("mode: hybrid-xor, fallback: pqc-only", "generation: 100")
    assert blueprint.slas[0].fallback is Fallback.PQC_ONLY
    assert blueprint.key_management.generation == 100
    assert check_network(Source(FILE, write_network(blueprint).encode()), Known()).value == blueprint


def test_an_unknown_mode_gets_the_nearest_one() -> None:
    (mistake,) = mistakes(NETWORK % (", mode: hybrid-catkfd", ""))
    assert "hybrid-catkdf" in mistake
    (mistake,) = mistakes(NETWORK % (", fallback: pqc", ""))
    assert "pqc-only" in mistake


@pytest.mark.parametrize(
    ("said", "about"),
    [
        ("mode: pqc-only, fallback: pqc-only", "nothing to fall back to"),
        ("mode: pqc-only, routes: 2", "shares of them would hide nothing"),
        ("mode: pqc-only, on_stock: 10 s", "lives on no stock"),
    ],
)
def test_what_contradicts_itself_is_refused_at_its_place(said: str, about: str) -> None:
    found = mistakes(NETWORK % (f", {said}", ""))
    assert [about in mistake for mistake in found if "routes without" not in mistake] == [True]
    assert found[0].startswith("6:")


@pytest.mark.parametrize("said", ["mode: hybrid-xor", "fallback: pqc-only"])
def test_keys_that_are_too_large_to_be_derived_are_refused(said: str) -> None:
    text = NETWORK.replace("16 kbit%s", "160 kbit%s").replace("256 bit", "65536 bit")
    (mistake,) = mistakes(text % (f", {said}", ""))
    assert "too large to be derived" in mistake
    assert mistakes(NETWORK.replace("256 bit", "65536 bit") % ("", ""))[0].count("derived") == 0
