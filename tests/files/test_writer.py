"""What is written reads back to the same, for any network and scenario; and it is pleasant to read."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.files.kinds import Plain
from keytwin.files.network import read_network, write_network
from keytwin.files.nodes import ListNode, MapNode, Node, TextNode
from keytwin.files.scenario import read_scenario, write_scenario
from keytwin.files.writer import yaml_text
from keytwin.vocabulary.blueprint import Blueprint
from tests.files.blueprints import TEXTS, blueprints, scenarios
from tests.files.reading import network, nodes, scenario

STAR6 = read_network("star6")

PLAIN = st.dictionaries(
    TEXTS.filter(bool),
    st.recursive(
        TEXTS.filter(bool),
        lambda inner: (
            st.dictionaries(TEXTS.filter(lambda text: text not in {"", "<<"}), inner, min_size=1, max_size=3)
            | st.lists(
                TEXTS.filter(bool) | st.dictionaries(TEXTS.filter(bool), inner, min_size=1, max_size=2), max_size=3
            )
        ),
        max_leaves=6,
    ),
    min_size=1,
    max_size=3,
)


def plain(node: Node) -> Plain:
    if isinstance(node, MapNode):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    assert isinstance(node, TextNode)
    return node.text


@given(PLAIN)
@settings(max_examples=60)
def test_texts_lists_and_mappings_read_back_to_themselves(value: dict[str, Plain]) -> None:
    assert plain(nodes(yaml_text(value).encode())) == value


@given(blueprints())
@settings(max_examples=40)
def test_any_network_reads_back_to_itself(blueprint: Blueprint) -> None:
    text = write_network(blueprint)
    assert network(text).value == blueprint
    assert write_network(network(text).value) == text


@given(st.data())
@settings(max_examples=40)
def test_any_scenario_reads_back_to_itself(data: st.DataObject) -> None:
    drawn = data.draw(scenarios(STAR6))
    assert scenario(write_scenario(drawn, "star6")).value == drawn


@pytest.mark.parametrize("name", ["star6", "ring5", "nsf14", "selfpair"])
def test_the_examples_read_back_to_themselves(name: str) -> None:
    blueprint = read_network(name)
    assert network(write_network(blueprint)).value == blueprint


def test_a_network_is_written_as_a_person_would() -> None:
    text = write_network(STAR6)
    assert text.splitlines()[:5] == [
        "format: 1",
        "name: star6",
        "about: Six-node star plus one extra link (Lopez et al., IEEE Network 2025, Fig. 4)",
        "defaults:",
        "  link: {device: generic-decoy-bb84, medium: fibre, length: 20 km, loss: 0.2 dB/km}",
    ]
    assert "nodes:\n  km0:\n  km1:\n" in text
    assert "links:\n  - km0 -- km1\n" in text
    assert "  gold: {priority: 0, rate: 64 kbit/s, burst: 256 kbit}\n" in text
    assert "  app01:\n    user: alice\n    saes: {app01-a: km0, app01-b: km1}\n" in text
    assert set(text) <= set(string.printable) - {'"'}


def test_a_link_of_its_own_kind_is_written_with_its_own_values() -> None:
    text = write_network(read_network("nsf14"))
    assert "  - wa -- il: {length: 70 km}\n" in text


def test_a_scenario_is_written_as_a_person_would() -> None:
    text = write_scenario(read_scenario("star6/fig4"), "star6")
    assert "  - {at: 0 s, open: app01}\n  - {at: 0 s, open: app23}\n" in text
    assert "  - at: 0 s\n    ask: {app: app01}\n" in text
