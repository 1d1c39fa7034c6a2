"""Whatever a file holds, the reader answers with a value or with a FileMistake, and soon."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keytwin.files.check import kind_of
from keytwin.files.device import device_from
from keytwin.files.library import Source
from keytwin.files.network import check_network
from keytwin.files.nodes import Place
from keytwin.files.page import Page, nearest
from keytwin.files.scenario import check_scenario
from keytwin.vocabulary.errors import FileMistake
from tests.files.reading import mistakes

NETWORK = """format: 1
name: t
defaults: {link: {device: generic-decoy-bb84, length: 3 km}}
nodes: {a: , b: {about: x}}
links: [a -- b]
slas: {gold: {priority: 0, rate: 1 kbit/s, burst: 1 kbit}}
users: {u: {sla: gold}}
apps: {p: {user: u, saes: {x: a, y: b}}}
"""
SCENARIO = """format: 1
name: t
network: star6
overrides: {twin: {physics: counts}}
duration: 9 s
timeline: [{at: 1 s, open: app01}, {at: 2 s, ask: {app: app01, size: 64 bit}}]
expect: {keys: 1}
"""
DEVICE = """format: 1
name: box
about: A black box
protocol: empirical
parameters: {rate: {value: 1 kbit/s, source: x}, qber: {value: 3 %, source: x}, block_time: {value: 1 s, source: x}}
"""
MARKS = [
    "",
    "{",
    "}",
    "[",
    "]",
    ":",
    ": ",
    "-",
    "- ",
    "--",
    "?",
    "? ",
    "&a",
    "*a",
    "!!int",
    "!",
    "<<",
    "|",
    ">",
    "'",
    '"',
    "#",
]
NUMBERS = ["0", "1e999999 min", "1e-999999 km", "-1", "9" * 40, "nan km", "inf", "\u0663 km"]
CONTROLS = ["\n", "\t", "  ", ",", "%", "\\", "\0", "\x85", "\ufeff", '"\\U99999999"', '"\\x00"', "a" * 200]
BREAKS = ["---\n", "...\n", "%YAML 1." + "9" * 5000 + "\n---\n"]
PIECES = st.sampled_from([*MARKS, *NUMBERS, *CONTROLS, *BREAKS])


def read_as_anything(octets: bytes) -> None:
    source = Source("any.yaml", octets)
    for read in (kind_of, check_network, check_scenario, device_from):
        with suppress(FileMistake):
            read(source)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=80)
@example(b"\xef\xbb\xbf")
@example(b"\xff\xfea\x00")
@example(b"? ")
@example(b"[]")
def test_any_octets_are_answered(octets: bytes) -> None:
    read_as_anything(octets)


@given(st.lists(PIECES | st.sampled_from(["a", "nodes", "links", "km0 -- km1"]), max_size=25).map("".join))
@settings(max_examples=120)
def test_any_heap_of_yaml_is_answered(text: str) -> None:
    read_as_anything(text.encode("utf-8", "surrogatepass"))


@given(st.sampled_from([NETWORK, SCENARIO, DEVICE]), st.data())
@settings(max_examples=150)
def test_any_change_of_a_good_file_is_answered(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 12, len(text))))
    read_as_anything((text[:start] + data.draw(PIECES) + text[end:]).encode("utf-8", "surrogatepass"))


def test_the_files_that_are_changed_are_good() -> None:
    assert check_network(Source("n", NETWORK.encode())).value.apps
    assert check_scenario(Source("s", SCENARIO.encode())).value.steps
    assert device_from(Source("d", DEVICE.encode())).name == "box"


@pytest.mark.parametrize(
    "text", ["1e999999 min", "1e-999999 min", "1e99999999999999999999 s", "nan s", "٣ s", "9" * 60]
)
def test_any_number_is_answered(text: str) -> None:
    assert len(mistakes(NETWORK + f"control: {{admission: {{peer_timeout: {text}}}}}\n")) == 1


def test_the_nearest_name_of_a_thousand_strangers_is_found_without_looking_at_all_of_them() -> None:
    page = Page("f", {"node": None})
    for number in range(500):
        page.report(Place("f", number), f"stranger {number}")
    assert page.hint("km1", [f"km{number}" for number in range(10_000)], "") == (
        "known: " + ", ".join(repr(f"km{number}") for number in range(12)) + ", ..."
    )
    assert nearest("x" * 1_000_000, ["x" * 64]) == ""


@pytest.mark.slow
def test_a_large_network_is_read() -> None:
    nodes = "".join(f"  n{number}:\n" for number in range(1_000))
    links = "".join(f"  - n{number} -- n{number + 1}: {{length: 12 km}}\n" for number in range(999))
    apps = "".join(f"  p{n}: {{user: u, saes: {{a{n}: n{n}, b{n}: n{999 - n}}}}}\n" for n in range(1_000))
    text = NETWORK[: NETWORK.index("nodes")] + f"nodes:\n{nodes}links:\n{links}" + NETWORK[NETWORK.index("slas") :]
    text = text[: text.index("apps")] + f"apps:\n{apps}"
    blueprint = check_network(Source("large.yaml", text.encode())).value
    assert (len(blueprint.topology.links), len(blueprint.apps)) == (999, 1_000)
