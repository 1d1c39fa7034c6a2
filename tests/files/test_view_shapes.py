"""The small texts of views: each is read, is written back as it was, and is refused with place and remedy."""

from __future__ import annotations

import re
from typing import Final, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.design.model import Carried, Direction, ElementId, End
from keytwin.files.kinds import TEXT, Plain, Schema, names_from
from keytwin.files.nodes import Node
from keytwin.files.page import Page, Unread
from keytwin.files.reader import read_nodes
from keytwin.files.view_said import BoundTo, ItemSaid
from keytwin.files.view_shapes import (
    Additions,
    EndText,
    FlowText,
    Gives,
    Handed,
    Listed,
    Named,
    NextStep,
    PortKindSaid,
    PortText,
    Several,
    Then,
)
from keytwin.files.view_structure import ITEM, BindingText, Most

KNOWN: Final = {
    "step": ["measure", "abort"],
    "item": ["qubit", "key"],
    "part": ["system.alice", "system.bob"],
    "port kind": ["quantum-port"],
    "block": ["fibre"],
    "element": ["qubit"],
}


class Shape(Protocol):
    """What all of them can do."""

    def read(self, node: Node, page: Page) -> object:
        """Read a node."""

    def write(self, value: object) -> Plain:
        """Write a value."""

    def schema(self) -> Schema:
        """Describe what is read."""


def page() -> Page:
    return Page("v.yaml", {kind: names_from(names) for kind, names in KNOWN.items()})


def read(shape: Shape, text: str) -> object:
    """Return what is read of a text; nothing may be wrong with it."""
    at = page()
    found = shape.read(read_nodes(text.encode(), at), at)
    assert at.mistakes == []
    return found


def wrong(shape: Shape, text: str) -> list[str]:
    """Return all that is wrong with a text; there must be something."""
    at = page()
    try:
        shape.read(read_nodes(text.encode(), at), at)
    except Unread:
        assert at.mistakes
    return [str(each).removeprefix("v.yaml:") for each in at.mistakes]


RIGHT: Final[list[tuple[Shape, str, object]]] = [
    (NextStep(), "measure", Then("measure")),
    (NextStep(), "abort if it is noisy", Then("abort", "it is noisy")),
    (NextStep(), "abort if asked if so", Then("abort", "asked if so")),
    (Handed(), "qubit to measure", Gives(ElementId("qubit"), "measure")),
    (PortText(), "quantum-port", PortKindSaid(ElementId("quantum-port"))),
    (PortText(), "~quantum-port", PortKindSaid(ElementId("quantum-port"), is_conjugated=True)),
    (FlowText(), "qubit out", Carried("qubit", ElementId("qubit"), Direction.OUT)),
    (FlowText(), "key inout", Carried("key", ElementId("key"), Direction.BOTH)),
    (EndText(), "system.alice", End(ElementId("system.alice"), "")),
    (EndText(), "system.bob / key", End(ElementId("system.bob"), "key")),
    (BindingText(), "fibre / loss", BoundTo(ElementId("fibre"), "loss")),
]


@pytest.mark.parametrize(("shape", "text", "value"), RIGHT, ids=[each[1] for each in RIGHT])
def test_a_text_is_read_and_written_back(shape: Shape, text: str, value: object) -> None:
    assert read(shape, f'"{text}"') == value
    assert shape.write(value) == text


@pytest.mark.parametrize(("shape", "text", "value"), RIGHT, ids=[each[1] for each in RIGHT])
def test_the_schema_allows_what_is_read(shape: Shape, text: str, value: object) -> None:
    pattern = shape.schema()["pattern"]
    assert isinstance(pattern, str)
    assert re.search(pattern, text), value
    assert not re.search(pattern, "")


@pytest.mark.parametrize(
    ("shape", "text", "told"),
    [
        (NextStep(), "mesure", "1:1: unknown step 'mesure' (did you mean 'measure'?)"),
        (NextStep(), "mesure if noisy", "1:1: unknown step 'mesure' (did you mean 'measure'?)"),
        (NextStep(), "measure,abort", "unknown step 'measure,abort'"),
        (NextStep(), "[measure]", "is a list, where the next step is wanted"),
        (Handed(), "qubit", "1:1: 'qubit' names no step (write it as 'qubit to measure')"),
        (Handed(), "qubit to", "1:1: 'qubit to' names no step"),
        (Handed(), "qbit to measure", "1:1: unknown item 'qbit' (did you mean 'qubit'?)"),
        (Handed(), "qubit to mesure", "1:1: unknown step 'mesure' (did you mean 'measure'?)"),
        (Handed(), "{qubit: measure}", "is a mapping, where what is handed on is wanted"),
        (PortText(), "quantm-port", "1:1: unknown port kind 'quantm-port' (did you mean 'quantum-port'?)"),
        (PortText(), '"~~quantum-port"', "1:1: unknown port kind '~quantum-port'"),
        (FlowText(), "qubit", "1:1: 'qubit' says not what flows which way (write it as 'qubit out')"),
        (FlowText(), "qubit up", "1:1: 'qubit up' says not what flows which way"),
        (FlowText(), "qubit OUT", "1:1: 'qubit OUT' says not what flows which way"),
        (FlowText(), "two qubits out", "1:1: 'two qubits out' says not what flows which way"),
        (FlowText(), "qbit out", "1:1: unknown item 'qbit' (did you mean 'qubit'?)"),
        (EndText(), "system.alic / key", "1:1: unknown part 'system.alic' (did you mean 'system.alice'?)"),
        (EndText(), "/ key", "unknown part ''"),
        (BindingText(), "fibre", "1:1: 'fibre' names no property (write it as 'fibre / loss')"),
        (BindingText(), '"fibre /"', "names no property"),
        (BindingText(), "fibr / loss", "1:1: unknown block 'fibr' (did you mean 'fibre'?)"),
    ],
)
def test_what_is_wrong_in_a_text_is_told_once(shape: Shape, text: str, told: str) -> None:
    (found,) = wrong(shape, text)
    assert told in found


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("1000", 1000), ("any", "any"), ("007", 7)])
def test_the_most_parts_are_a_number_or_any(text: str, value: object) -> None:
    assert read(Most(), text) == value


@pytest.mark.parametrize("text", ["0", "1001", "-1", "1.5", "many", "Any", "٣", "''", "9999999999"])
def test_no_other_number_of_parts_is_taken(text: str) -> None:
    (found,) = wrong(Most(), text)
    assert found.endswith("is no number of parts: write 1 to 1000, or 'any'")


def test_several_are_one_or_a_list() -> None:
    several = Several("a flow", FlowText())
    out = Carried("qubit", ElementId("qubit"), Direction.OUT)
    into = Carried("key", ElementId("key"), Direction.IN)
    assert read(several, "qubit out") == (out,)
    assert read(several, "[qubit out, key in]") == (out, into)
    assert read(several, "[]") == ()
    assert several.write((out,)) == "qubit out"
    assert several.write((out, into)) == ["qubit out", "key in"]


def test_of_several_each_mistake_is_told_at_its_own_place() -> None:
    found = wrong(Several("a flow", FlowText()), "[qubit up, key in, kee out]")
    assert [each.partition(": ")[0] for each in found] == ["1:2", "1:20"]


def test_the_rest_of_a_mapping_is_read_past_a_mistake() -> None:
    at = page()
    named = Named("a mapping of ports", PortText())
    found = named.read(read_nodes(b"a: quantum-port\nb: nothing\nc: ~quantum-port\n", at), at)
    assert list(found) == ["a", "c"]
    assert [(each.line, each.column) for each in at.mistakes] == [(2, 4)]


def test_names_that_are_listed_may_be_referred_to_as_a_further_kind() -> None:
    at = page()
    listed = Listed("part", "lane")
    assert listed.read(read_nodes(b"[system.bob, system.alice]", at), at) == ("system.bob", "system.alice")
    assert [*(at.names["lane"] or {})] == ["system.bob", "system.alice"]
    assert at.mistakes == []


def test_a_name_is_listed_once_and_one_that_is_wrong_is_told() -> None:
    assert read(Listed("part", "lane"), "[system.bob, system.alice, system.bob]") == ("system.bob", "system.alice")
    (unknown,) = wrong(Listed("part", "lane"), "[system.bo]")
    assert unknown.startswith("1:2: unknown part 'system.bo' (did you mean 'system.bob'?)")


ITEMS: Final = Additions("item", ITEM, ("element",))


def test_what_is_added_may_be_referred_to_afterwards() -> None:
    at = page()
    added = ITEMS.read(read_nodes(b"photon: {name: Photon, nature: quantum}", at), at)
    assert added == (ItemSaid(ElementId("photon"), "Photon", "quantum"),)
    assert "photon" in (at.names["item"] or {})
    assert "photon" in (at.names["element"] or {})
    assert ITEMS.write(added) == {"photon": {"name": "Photon", "nature": "quantum"}}


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("qubit: {name: Q, nature: quantum}", "1:1", "the item 'qubit' is shared by all views"),
        ("photon: {name: P}", "1:9", "'nature' is missing in an item"),
        ("photon: {nature: quantum}", "1:9", "'name' is missing in an item"),
        ("photon: {name: P, nature: quantum, colour: red}", "1:36", "unknown key 'colour' in an item"),
        ("A Photon: {name: P, nature: quantum}", "1:1", "A Photon"),
        ("photon: P", "1:9", "photon is a text, where a mapping"),
        ("[photon]", "1:1", "is a list, where a mapping from the name of each item is wanted"),
    ],
)
def test_what_is_added_wrongly_is_told_at_its_place(text: str, place: str, told: str) -> None:
    found = wrong(ITEMS, text)
    assert any(each.startswith(f"{place}: ") and told in each for each in found), found


@settings(max_examples=40)
@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=20))
def test_any_guard_comes_back_without_the_space_around_it(guard: str) -> None:
    quoted = guard.replace("'", "''")
    found = read(NextStep(), f"'abort if {quoted}x'")
    assert found == Then("abort", f"{guard}x".strip())


def test_a_text_of_any_kind_is_no_shape_of_a_view() -> None:
    assert read(Several("a source", TEXT), "[a, 'b: c']") == ("a", "b: c")
